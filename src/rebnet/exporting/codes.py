"""What a code is in numbers: where it changes, what it is worth, and its encoder in float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.ops import Threshold
from rebnet.spec.residual import code, encode_integer

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """What an encoder reads, in its own whole numbers A and as the graph has them, slope·A + offset.

    Attributes:
        low: the least A.
        high: the largest.
        slope: 2 for the sums v = 2A - R of a layer, 1 for features.
        offset: -R, or 0.
    """

    low: int
    high: int
    slope: int = 1
    offset: int = 0

    def shown(self, numbers: Integers) -> Integers:
        """Whole numbers as the graph has them."""
        return self.slope * numbers + self.offset


@dataclass(frozen=True)
class Steps:
    """Algorithm 1 in float32, of which every code is exact: a bit is x + offset ≥ 0, and x loses or gains a step by it.

    Attributes:
        offset: shape (rows,).
        steps: shape (rows, m - 1).
    """

    offset: Floats
    steps: Floats


def used_levels(gains: Sequence[int]) -> int:
    """Levels up to the last that counts; one at least."""
    return max((place for place, gain in enumerate(gains, start=1) if gain), default=1)


def values_of(gains: Sequence[int]) -> tuple[int, ...]:
    """What each code is worth, Σ g_i·(2·bit_i - 1), of the levels that count."""
    values = [0]
    for gain in gains[: used_levels(gains)]:
        values = [value + sign * gain for value in values for sign in (-1, 1)]
    return tuple(values)


def order_gains(gains: Sequence[int]) -> tuple[int, ...]:
    """Gains whose values stand in the order of the codes, of as many levels as count."""
    levels = used_levels(gains)
    return (*(1 << level for level in reversed(range(levels))), *(0,) * (len(gains) - levels))


def in_order(gains: Sequence[int]) -> bool:
    """Whether a larger code is worth no less."""
    values = values_of(gains)
    return all(left <= right for left, right in pairwise(values))


def firsts(op: Threshold, index: int, levels: int, reading: Reading) -> Integers:
    """For each code from 1 to 2^levels - 1 the first A whose code is at least that; high + 1 where none is.

    Args:
        op: the encoder, whose codes rise with A.
        index: of the served level count.
        levels: m; bits behind are left out.
        reading: what it reads.

    Returns:
        Shape (rows, 2^levels - 1), as the graph has them.
    """
    wanted = np.arange(1, 1 << levels, dtype=np.int64)[:, None]
    below = np.full((len(wanted), op.thresholds.shape[1]), reading.low, dtype=np.int64)
    above = np.full_like(below, reading.high + 1)
    while (below < above).any():
        middle = (below + above) // 2
        reached = _codes(op, index, levels, middle) >= wanted
        below, above = np.where(reached, below, np.minimum(middle + 1, above)), np.where(reached, middle, above)
    return reading.shown(above.T)


def steps_in_float(op: Threshold, index: int, levels: int, reading: Reading) -> Steps | None:
    """The encoder in float32; None where rounding would change a code, or where it is a tree.

    A residual behind the same bits does not fall where A rises, in float32 too. So codes that are right at both ends
    of a run are right in between.
    """
    if op.tree and levels > 1:
        return None
    unit = (1 << op.shift) / reading.slope
    thresholds, steps = op.thresholds[index], op.steps[index][:, : levels - 1]
    made = Steps(
        np.asarray(-reading.offset - thresholds / unit, dtype=np.float32), np.asarray(steps / unit, dtype=np.float32)
    )
    turns = (firsts(op, index, levels, reading).T - reading.offset) // reading.slope
    ends = np.concatenate(
        [turns, turns - 1, np.full_like(turns[:1], reading.low), np.full_like(turns[:1], reading.high)]
    )
    ends = np.clip(ends, reading.low, reading.high)
    rest = reading.shown(ends).astype(np.float32)
    found = np.zeros_like(ends)
    for step in (*made.steps.T, None):
        bits = rest + made.offset >= 0
        found = 2 * found + bits
        if step is not None:
            rest = rest - np.where(bits, step, -step)
    return made if np.array_equal(found, _codes(op, index, levels, ends)) else None


def _codes(op: Threshold, index: int, levels: int, numbers: Integers) -> Integers:
    """Codes of so many levels."""
    steps = op.steps[index][:, : op.steps_at(levels)]
    return code(encode_integer(numbers, op.thresholds[index], steps, op.shift, tree=op.tree))
