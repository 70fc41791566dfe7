"""Writes what tests/engine/native/driver.cpp reads: calls of the engine's Builder, images, and scores they must have.

A file is a sequence of records: a number that says which, then integers of 64 bits and arrays (axes, shape, elements).
"""

from types import SimpleNamespace
from unittest import mock

import numpy as np
from tests.ir.graphs import random_graph
from tests.ir.networks import images_for

from rebnet.engine import native, reference
from rebnet.lower import lower

_END, _NETWORK, _LAYER, _POOL, _SCORES, _RUN, _REFUSED, _RESCALE, _ENCODE, _SUM_POOL, _ADD, _JOIN, _STACK = range(13)
_TWO_SLOPE, _UPSAMPLE, _DEPTH_TO_SPACE = 13, 14, 15

LEGAL = {
    "source": 0, "kernel_h": 3, "kernel_w": 3, "stride_h": 1, "stride_w": 1, "top": 0, "left": 0, "out_height": 2,
    "out_width": 2, "rows": 3, "groups": 1, "levels_out": 1, "shift": 0,
    "weights": np.zeros((1, 3, 2), dtype=np.uint8),
    "weight_gains": np.ones(1, dtype=np.int64), "gains": np.ones((1, 1), dtype=np.int64),
    "thresholds": np.zeros((1, 3), dtype=np.int64), "steps": np.zeros((1, 3, 0), dtype=np.int64),
}  # fmt: skip
"""A layer over an image of 4x4x1 pixels of one bit."""

LAST = {
    **LEGAL, "source": 1, "kernel_h": 2, "kernel_w": 2, "out_height": 1, "out_width": 1, "levels_out": 0,
    "weights": np.zeros((1, 3, 2), dtype=np.uint8),
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
    "weights of another shape": {"weights": np.zeros((1, 3, 1), dtype=np.uint8)},
    "weights must have 1 to 8 planes": {"weight_gains": np.ones(9, dtype=np.int64)},
    "gains of weights must be 1 to 255": {"weight_gains": np.zeros(1, dtype=np.int64)},
    "a single plane of weights counts 1": {"weight_gains": np.full(1, 2)},
    "gains of another shape": {"gains": np.ones((1, 2), dtype=np.int64)},
    "gains must be 0 to": {"gains": np.full((1, 1), -1)},
    "gains of pixels": {"gains": np.full((1, 1), 2)},
    "thresholds of another shape": {"thresholds": np.zeros((1, 2), dtype=np.int64)},
    "steps of another shape": {"steps": np.zeros((1, 3, 1), dtype=np.int64)},
    "no such window": {"kernel_h": 0},
    "windows outside of the map": {"out_height": 5},
    "no such number of rows": {"rows": 0},
    "groups must divide its channels": {"groups": 3},
    "levels must be at most 8": {"levels_out": 9},
    "shift must be 0 to 12": {"shift": 13},
    "reads no value": {"source": 1},
    "no such threshold": {"thresholds": np.full((1, 3), 1 << 50)},
    "no such step": {"levels_out": 2, "steps": np.full((1, 3, 1), -(1 << 50))},
}

BAD_POOLS = {
    "pool: no such window": (1, 0, 1, 1, 1, 0, 0, 1, 1),
    "pool: windows outside of the map": (1, 2, 2, 1, 1, 0, 0, 1, 3),
    "reads no value": (-1, 1, 1, 1, 1, 0, 0, 2, 2),
}

BAD_SCORES = {
    "scale of another shape": (_NUMBERS[:, :2], _NUMBERS, _REACH),
    "bias of another shape": (_NUMBERS, _NUMBERS[:0], _REACH),
    "reach of another shape": (_NUMBERS, _NUMBERS, np.zeros(2, dtype=np.int64)),
    "scores: leave 64 bits": (_NUMBERS + (1 << 58), _NUMBERS, _REACH),
}


# Values of the image above: 1 are codes of a layer, 2 features of 2x2x3, 3 those of another layer, of 1x1x3.
_CONSTANTS = (_NUMBERS + 1, _NUMBERS)
_THRESHOLDS = (_NUMBERS, np.zeros((1, 3, 1), dtype=np.int64))
_SLOPES = np.zeros((3, 3), dtype=np.int64)
BAD_BRANCHES = {
    "rescale: scale of another shape": ("rescale", 4, _NUMBERS[:, :2], _NUMBERS, 0),
    "rescale: bias of another shape": ("rescale", 4, _NUMBERS, _NUMBERS[:0], 0),
    "rescale: shift must be 0 to 40": ("rescale", 4, *_CONSTANTS, 41),
    "rescale: no such constant": ("rescale", 4, _NUMBERS + (1 << 30), _NUMBERS, 0),
    "features: leave 32 bits": ("rescale", 4, _NUMBERS, _NUMBERS + (1 << 40), 8),
    "reads no sums of a layer": ("rescale", 1, *_CONSTANTS, 0),
    "these sums are read already": ("rescale", 2, *_CONSTANTS, 0),
    "encode: reads no features": ("encode", 1, 2, 0, *_THRESHOLDS),
    "encoder: levels must be 1 to 8": ("encode", 3, 9, 0, *_THRESHOLDS),
    "encoder: shift must be 0 to 12": ("encode", 3, 2, -1, *_THRESHOLDS),
    "encoder: thresholds of another shape": ("encode", 3, 2, 0, _NUMBERS[:, :2], _THRESHOLDS[1]),
    "encoder: steps of another shape": ("encode", 3, 3, 0, *_THRESHOLDS),
    "two slopes: reads no features": ("two_slope", 1, _SLOPES, 0),
    "two slopes: constants of another shape": ("two_slope", 3, _SLOPES[:2], 0),
    "two slopes: shift must be 0 to 15": ("two_slope", 3, _SLOPES, 16),
    "two slopes: no such constant": ("two_slope", 3, _SLOPES + (1 << 31), 0),
    "upsample: takes codes or features": ("upsample", 0, 2, 2),
    "upsample: makes no such map": ("upsample", 3, 2, 20000),
    "depth to space: takes codes or features": ("depth_to_space", 0, 2),
    "depth to space: makes no such map": ("depth_to_space", 3, 20000),
    "depth to space: channels are no multiple of the block's area": ("depth_to_space", 3, 5),
    "sum pool: reads no features": ("sum_pool", 1, 1, 1, 1, 1, 0, 0, 2, 2),
    "sum pool: is not padded": ("sum_pool", 3, 1, 3, 1, 1, 0, 0, 1, 1),
    "pool: needs codes or features in front": ("pool", 0, 1, 1, 1, 1, 0, 0, 4, 4),
    "add: takes 2 to 4096 values": ("add", [3], [0]),
    "add: needs a shift for each value": ("add", [3, 3], [0]),
    "add: takes features": ("add", [3, 1], [0, 0]),
    "shifted by 0 to 31": ("add", [3, 3], [0, 32]),
    "add: values of several shapes": ("add", [3, 6], [0, 0]),
    "join: takes 2 to 4096 values": ("join", []),
    "join: takes codes or features": ("join", [0, 0]),
    "join: values of several kinds": ("join", [3, 1]),
    "join: values of several shapes": ("join", [3, 6]),
    "stack: takes 2 to 4096 values": ("stack", [1]),
    "stack: takes codes": ("stack", [3, 3]),
    "stack: values of several shapes": ("stack", [1, 7]),
    "stack: too many planes": ("stack", [1] * 65),
    "reads no value": ("stack", [1, 99]),
    "layer: reads no codes": ("layer", *{**LAST, "source": 3}.values()),
}
"""Calls behind `branched`."""


def branched(builder):
    """Hand over a beginning with branches: `builder` has Builder's methods."""
    sums = {**LEGAL, "levels_out": 0}
    builder.layer(*LEGAL.values())  # 1
    builder.layer(*sums.values())
    builder.rescale(2, *_CONSTANTS, 0)  # 3
    builder.layer(*sums.values())  # 4
    builder.layer(*{**LAST, "source": 1}.values())
    builder.rescale(5, *_CONSTANTS, 0)  # 6
    builder.encode(6, 2, 0, *_THRESHOLDS)  # 7
    return builder


class Recorder:
    """Has the methods of the engine's Builder, and keeps what it is told as records."""

    def __init__(self, *image):
        self.records = [_record(_NETWORK, *image)]
        self._values = 0

    def layer(self, *values):
        return self._value(_LAYER, *values)

    def rescale(self, source, scale, bias, shift):
        return self._value(_RESCALE, source, shift, scale, bias)

    def scores(self, *values):
        self.records.append(_record(_SCORES, *values))

    def encode(self, *values):
        return self._value(_ENCODE, *values)

    def two_slope(self, source, constants, shift):
        return self._value(_TWO_SLOPE, source, shift, constants)

    def upsample(self, *values):
        return self._value(_UPSAMPLE, *values)

    def depth_to_space(self, *values):
        return self._value(_DEPTH_TO_SPACE, *values)

    def pool(self, *values):
        return self._value(_POOL, *values)

    def sum_pool(self, *values):
        return self._value(_SUM_POOL, *values)

    def add(self, *lists):
        return self._value(_ADD, *(np.array(numbers, dtype=np.int64) for numbers in lists))

    def join(self, sources):
        return self._value(_JOIN, np.array(sources, dtype=np.int64))

    def stack(self, sources):
        return self._value(_STACK, np.array(sources, dtype=np.int64))

    def _value(self, kind, *values):
        self.records.append(_record(kind, *values))
        self._values += 1
        return self._values


def calls(network):
    """The calls of Builder that hand a lowered network to the engine."""
    with mock.patch.object(native, "_native", SimpleNamespace(Builder=Recorder)):
        return b"".join(native._builder(network).records)


def case(network, seed, count):
    """A network, images for it, and the reference's scores of each at every m."""
    images = images_for(network, seed, count)
    scores = np.stack([reference.run(network, images, m) for m in network.served])
    return calls(network) + _record(
        _RUN, images.reshape(count, network.input.samples), scores.reshape(len(network.served), count, -1)
    )


def graph_case(seed, count):
    """The same of a random network with branches."""
    return case(lower(random_graph(seed), fixed_levels=seed % 5 == 0), seed, count)


def refusals():
    """What the Builder must refuse, each with its message."""
    legal = Recorder(4, 4, 1, 1, 1)
    behind = (*legal.records, _record(_LAYER, *LEGAL.values()))
    end = (*behind, _record(_LAYER, *LAST.values()))
    scored = (*end, _record(_SCORES, 2, _NUMBERS, _NUMBERS, _REACH))
    refused = [(message, (), _record(_NETWORK, *image)) for message, image in BAD_IMAGES.items()]
    refused += [
        (message, legal.records, _record(_LAYER, *{**LEGAL, **changed}.values()))
        for message, changed in BAD_LAYERS.items()
    ]
    refused += [(message, behind, _record(_POOL, *pool)) for message, pool in BAD_POOLS.items()]
    refused += [(message, end, _record(_SCORES, 2, *scores)) for message, scores in BAD_SCORES.items()]
    refused += [
        ("layer: too large", Recorder(20000, 20000, 1, 1, 1).records, _record(_LAYER, *_WIDE.values())),
        ("reads no sums of a layer", behind, _record(_SCORES, 1, _NUMBERS, _NUMBERS, _REACH)),
        ("scores: are there already", scored, _record(_SCORES, 2, _NUMBERS, _NUMBERS, _REACH)),
        ("stands behind the scores", scored, _record(_LAYER, *LAST.values())),
        ("sums that nothing reads", (*end, end[-1]), _record(_SCORES, 2, _NUMBERS, _NUMBERS, _REACH)),
    ]
    for message, (method, *values) in BAD_BRANCHES.items():
        builder = branched(Recorder(4, 4, 1, 1, 1))
        getattr(builder, method)(*values)
        refused.append((message, builder.records[:-1], builder.records[-1]))
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
