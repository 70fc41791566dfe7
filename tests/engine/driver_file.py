"""Writes what tests/engine/native/driver.cpp reads: calls of the engine's Builder, images, and scores they must have.

A file is a sequence of records: a number that says which, then integers of 64 bits and arrays (axes, shape, elements).
"""

from types import SimpleNamespace
from unittest import mock

import numpy as np
from tests.ir.networks import images_for

from rebnet.engine import native, reference

_END, _NETWORK, _LAYER, _POOL, _SCORES, _RUN, _REFUSED = range(7)

LEGAL = {
    "kernel_h": 3, "kernel_w": 3, "stride": 1, "pad_top": 0, "pad_left": 0, "out_height": 2, "out_width": 2,
    "rows": 3, "levels_out": 1, "shift": 0, "weights": np.zeros((3, 2), dtype=np.uint8),
    "gains": np.ones((1, 1), dtype=np.int64), "thresholds": np.zeros((1, 3), dtype=np.int64),
    "steps": np.zeros((1, 3, 0), dtype=np.int64),
}  # fmt: skip
"""A layer over an image of 4x4x1 pixels of one bit."""

LAST = {
    **LEGAL, "kernel_h": 2, "kernel_w": 2, "out_height": 1, "out_width": 1, "levels_out": 0,
    "weights": np.zeros((3, 2), dtype=np.uint8),
}  # fmt: skip
"""The layer behind it, which gives scores."""

_WIDE = {**LEGAL, "kernel_h": 1, "kernel_w": 1, "out_height": 20000, "out_width": 20000}
_NUMBERS = np.zeros((1, 3), dtype=np.int64)
_REACH = np.zeros(1, dtype=np.int64)

BAD_IMAGES = {
    "image: sizes must be": (0, 4, 1, 1, 1),
    "image: too large": (32767, 32767, 3, 1, 1),
    "image: bits must be": (4, 4, 1, 9, 1),
    "network: sets must be": (4, 4, 1, 1, 0),
}

BAD_LAYERS = {
    "weights of another shape": {"weights": np.zeros((3, 1), dtype=np.uint8)},
    "gains of another shape": {"gains": np.ones((1, 2), dtype=np.int64)},
    "gains must be 0 to": {"gains": np.full((1, 1), -1)},
    "gains of pixels": {"gains": np.full((1, 1), 2)},
    "thresholds of another shape": {"thresholds": np.zeros((1, 2), dtype=np.int64)},
    "steps of another shape": {"steps": np.zeros((1, 3, 1), dtype=np.int64)},
    "no such window": {"kernel_h": 0},
    "windows outside of the map": {"out_height": 5},
    "no such number of rows": {"rows": 0},
    "levels must be at most 8": {"levels_out": 9},
    "shift must be 0 to 12": {"shift": 13},
    "scores need a single window": {"levels_out": 0},
    "no such threshold": {"thresholds": np.full((1, 3), 1 << 50)},
    "no such step": {"levels_out": 2, "steps": np.full((1, 3, 1), -(1 << 50))},
}

BAD_POOLS = {"pool: no such window": (3, 1)}

BAD_SCORES = {
    "scale of another shape": (_NUMBERS[:, :2], _NUMBERS, _REACH),
    "bias of another shape": (_NUMBERS, _NUMBERS[:0], _REACH),
    "reach of another shape": (_NUMBERS, _NUMBERS, np.zeros(2, dtype=np.int64)),
    "scores: leave 64 bits": (_NUMBERS + (1 << 58), _NUMBERS, _REACH),
}


class Recorder:
    """Has the methods of the engine's Builder, and keeps what it is told as records."""

    def __init__(self, *image):
        self.records = [_record(_NETWORK, *image)]

    def layer(self, *values):
        self.records.append(_record(_LAYER, *values))

    def pool(self, *values):
        self.records.append(_record(_POOL, *values))

    def scores(self, *values):
        self.records.append(_record(_SCORES, *values))


def calls(network):
    """The calls of Builder that hand a lowered network to the engine."""
    with mock.patch.object(native, "_native", SimpleNamespace(Builder=Recorder)):
        return b"".join(native._builder(network).records)


def case(network, seed, count):
    """A network, images for it, and the reference's scores of each at every m."""
    images = images_for(network, seed, count)
    scores = np.stack([reference.run(network, images, m) for m in network.served])
    return calls(network) + _record(_RUN, images.reshape(count, network.input.samples), scores)


def refusals():
    """What the Builder must refuse, each with its message."""
    legal = Recorder(4, 4, 1, 1, 1)
    behind = (*legal.records, _record(_LAYER, *LEGAL.values()))
    end = (*behind, _record(_LAYER, *LAST.values()))
    scored = (*end, _record(_SCORES, _NUMBERS, _NUMBERS, _REACH))
    refused = [(message, (), _record(_NETWORK, *image)) for message, image in BAD_IMAGES.items()]
    refused += [
        (message, legal.records, _record(_LAYER, *{**LEGAL, **changed}.values()))
        for message, changed in BAD_LAYERS.items()
    ]
    refused += [(message, behind, _record(_POOL, *pool)) for message, pool in BAD_POOLS.items()]
    refused += [(message, end, _record(_SCORES, *scores)) for message, scores in BAD_SCORES.items()]
    refused += [
        ("layer: too large", Recorder(20000, 20000, 1, 1, 1).records, _record(_LAYER, *_WIDE.values())),
        ("pool: needs codes in front", legal.records, _record(_POOL, 1, 1)),
        ("pool: one behind a layer", (*behind, _record(_POOL, 1, 1)), _record(_POOL, 1, 1)),
        ("scores: need a last layer", behind, _record(_SCORES, _NUMBERS, _NUMBERS, _REACH)),
        ("scores: are there already", scored, _record(_SCORES, _NUMBERS, _NUMBERS, _REACH)),
        ("stands behind the last one", scored, _record(_LAYER, *LAST.values())),
        ("stands behind the last one", end, _record(_LAYER, *LAST.values())),
    ]
    return [b"".join(before) + _record(_REFUSED, _bytes(message)) + call for message, before, call in refused]


def file_of(parts):
    return b"".join(parts) + _record(_END)


def _bytes(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _record(kind, *values):
    parts = [_integers(kind)]
    for value in values:
        if isinstance(value, np.ndarray):
            assert value.dtype in (np.uint8, np.int64)
            parts += [_integers(value.ndim, *value.shape), value.astype(value.dtype.newbyteorder("<")).tobytes()]
        else:
            parts.append(_integers(value))
    return b"".join(parts)


def _integers(*values):
    return np.array(values, dtype="<i8").tobytes()
