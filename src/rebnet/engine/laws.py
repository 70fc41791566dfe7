"""What each operation of a lowered network computes, by the functions of `spec`: one law an operation.

Values are arrays: codes as bit planes, (planes, images, *map); accumulators, features and scores as (images, *map).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Network
from rebnet.ir.ops import MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Code, Feature, Integer, Value, shifts_to_finest
from rebnet.spec.features import Integers, add_features, max_pool_features, sum_pool
from rebnet.spec.pool import max_pool
from rebnet.spec.rescale import rescale
from rebnet.spec.residual import Bits, encode_integer
from rebnet.spec.scores import scores
from rebnet.spec.two_slope import two_slope

Array = NDArray[Any]


@dataclass(frozen=True)
class At:
    """Where a law is applied: what it reads, and the index of the served level count."""

    reads: tuple[Value, ...]
    index: int

    @property
    def codes(self) -> bool:
        """Whether codes are read."""
        return isinstance(self.reads[0], Code)

    @property
    def reach(self) -> int:
        """R of the accumulators that are read."""
        return cast(Integer, self.reads[0]).high[self.index]


@dataclass(frozen=True)
class Law:
    """What a node without weights computes, bound to the node and to the types that it reads."""

    function: Callable[..., Array]
    op: Op
    reads: tuple[Value, ...]

    def __call__(self, index: int, inputs: list[Array]) -> Array:
        """Its value with the constants of set `index`, of the values that it reads."""
        return self.function(At(self.reads, index), self.op, *inputs)


def laws_of(network: Network) -> dict[str, Law]:
    """The laws of all nodes of which lowering leaves the kind and which have no weights, by name."""
    return {
        node.name: Law(_LAWS[type(node.op)], node.op, tuple(network.values[s] for s in network.sources(node)))
        for node in network.nodes
        if type(node.op) in _LAWS
    }


def _max_pool(at: At, op: MaxPool, values: Array) -> Array:
    return max_pool(values, op.window) if at.codes else max_pool_features(values, op.window)


def _threshold(at: At, op: Threshold, numbers: Integers) -> Bits:
    return encode_integer(numbers, op.thresholds[at.index], op.steps[at.index], op.shift, tree=op.tree)


def _rescale(at: At, op: Rescale, accumulators: Integers) -> Integers:
    return rescale(2 * accumulators - at.reach, op.scale[at.index], op.bias[at.index], op.shift)


def _two_slope(at: At, op: TwoSlope, features: Integers) -> Integers:
    return two_slope(features, op.slope, op.before, op.after, op.shift)


def _add(at: At, op: Add, *features: Integers) -> Integers:
    return add_features(features, shifts_to_finest(cast(tuple[Feature, ...], at.reads)))


def _sum_pool(at: At, op: SumPool, features: Integers) -> Integers:
    return sum_pool(features, op.window)


def _moved(at: At, op: Upsample | DepthToSpace, values: Array) -> Array:
    return op.moved(values)


def _join(at: At, op: Join, *values: Array) -> Array:
    return np.concatenate(values, axis=-1)


def _stack(at: At, op: Stack, *codes: Bits) -> Bits:
    return np.concatenate(codes)


def _scores(at: At, op: Scores, accumulators: Integers) -> Integers:
    return scores(accumulators, at.reach, op.scale[at.index], op.bias[at.index])


_LAWS: dict[type[Op], Callable[..., Array]] = {
    MaxPool: _max_pool,
    Threshold: _threshold,
    Rescale: _rescale,
    TwoSlope: _two_slope,
    Add: _add,
    SumPool: _sum_pool,
    Upsample: _moved,
    DepthToSpace: _moved,
    Join: _join,
    Stack: _stack,
    Scores: _scores,
}
