"""rebnet's own engine: uint8 images in, int64 scores out, through the public call."""

from collections.abc import Sequence
from functools import partial

import rebnet
from cpu_peers.job import POOL, Call, Way, Work
from rebnet.engine.predictor import instruction_sets

INSIDE = "inside the library"
"""The precision of a contestant that runs images one by one without Python between them."""


def ways(work: Work) -> list[Way]:
    """The one way: what a user gets who chooses nothing but the threads, and at most an instruction set."""
    if work.job.precision == INSIDE:
        return [Way(f"{_singly(work)}, one image after the other", POOL)]
    return [Way("Predictor.predict", work.job.batch)]


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images."""
    chosen = _singly(work) if work.job.precision == INSIDE else work.job.instruction_set
    predict = rebnet.load(work.job.build, threads=work.job.threads, instruction_set=chosen).predict
    return [partial(predict, work.images[part]) for part in work.batches(way)]


def _singly(work: Work) -> str:
    """The fastest instruction set that takes the images of a call one by one; matrix units take them together."""
    return work.job.instruction_set or next(name for name in instruction_sets() if name != "amx")
