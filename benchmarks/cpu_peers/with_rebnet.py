"""rebnet's own engine: uint8 images in, int64 scores out, through the public call."""

from collections.abc import Sequence
from functools import partial

import rebnet
from cpu_peers.job import Call, Way, Work

INSIDE = "packed input, inside the library"
"""The precision of a contestant without Python around it."""


def ways(work: Work) -> list[Way]:
    """The one way: what a user gets who chooses nothing but the threads."""
    if work.job.precision == INSIDE:
        raise NotImplementedError("the engine has no call for packed input that is timed inside the library")
    return [Way("Predictor.predict", work.job.batch)]


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images."""
    predict = rebnet.load(work.job.build, threads=work.job.threads).predict
    return [partial(predict, work.images[part]) for part in work.batches(way)]
