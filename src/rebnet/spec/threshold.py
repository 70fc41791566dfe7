"""BatchNorm followed by residual sign, as one threshold and M - 1 steps per output channel.

With z = a·v + b, a > 0 per unit of v and v = 2A - R, level 1 turns at A = (R - b/a)/2 and level i + 1 is γ_i/(2a) to
either side of that. On the grid of 2^-s accumulator units these become the integers t and δ_i, and the encoder is
Algorithm 1 of the paper on r = 2^s·A - t. One δ serves two boundaries, so on the grid of whole units rounding would
cost some rows one code; the shift s is as large as it takes for every code to be that of the real numbers, evaluated
exactly as rational ones, for every A in 0 … R. Where no shift is enough, every boundary between two codes has a step
of its own (`step_tree`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice, pairwise, product
from typing import NamedTuple

from rebnet.errors import LoweringError

Steps = tuple[int, ...]
Segments = list[tuple[int, int]]
"""A code as a step function of A in 0 … R: (first A, code), neighbours differ in code."""

MOST_SHIFT = 12
_MANY_LEVELS = 5
_TRIED, _FEW_TRIED, _TRIED_AT_LAST = 256, 16, 4096
"""Roundings of a row's numbers that are tried on a grid: all, few of many levels, and more on the finest one."""


class _Turn(NamedTuple):
    """Where the bit of a level turns to 1, behind the bits of the levels before.

    Attributes:
        behind: place of the level before's turn, in its list.
        sign: 1 where the bit of the level before is 1, else -1.
        least: the largest A whose bit is 0.
        most: the smallest A whose bit is 1.
    """

    behind: int
    sign: int
    least: float
    most: float


@dataclass(frozen=True)
class RealEncoder:
    """The code of z = a·(2A - R) + b on exact rational numbers.

    Attributes:
        numbers: where level 1 turns, in units of A, and how far from there each next level does.
        reach: R of the accumulator.
    """

    numbers: tuple[Fraction, ...]
    reach: int

    @classmethod
    def of(cls, a: float | Fraction, b: float | Fraction, gammas: Sequence[float], reach: int) -> "RealEncoder":
        """That of a channel.

        Args:
            a: slope of z per unit of v, positive.
            b: offset of z.
            gammas: γ_1 … γ_M of the code; the last one moves no boundary.
            reach: R of the accumulator.
        """
        slope = Fraction(a)
        turn = (reach - Fraction(b) / slope) / 2
        return cls((turn, *(Fraction(gamma) / (2 * slope) for gamma in gammas[:-1])), reach)

    @cached_property
    def codes(self) -> Segments:
        """The code of every A in 0 … R."""
        unit = math.lcm(*(number.denominator for number in self.numbers))
        threshold, *steps = (number.numerator * (unit // number.denominator) for number in self.numbers)
        return segments(threshold, tuple(steps), self.reach, unit)

    @cached_property
    def _turns(self) -> list[list["_Turn"]]:
        """For each level, where it turns behind each code so far that some A has."""
        turns: list[list[_Turn]] = []
        lasts = [first - 1 for first, _ in self.codes[1:]] + [self.reach]
        runs = [(first, last, code) for (first, code), last in zip(self.codes, lasts, strict=True)]
        before = {0: 0}
        for left in reversed(range(len(self.numbers))):
            least: dict[int, int] = {}
            most: dict[int, int] = {}
            for first, last, code in runs:
                bits = code >> left
                if bits & 1:
                    most.setdefault(bits >> 1, first)
                else:
                    least[bits >> 1] = last
            codes = {**least, **most}
            ends = [(least.get(code, -math.inf), most.get(code, math.inf)) for code in codes]
            turns.append(
                [_Turn(before[code >> 1], 2 * (code & 1) - 1, *end) for code, end in zip(codes, ends, strict=True)]
            )
            before = {code: place for place, code in enumerate(codes)}
        return turns

    def gives(self, threshold: int, steps: Steps, shift: int) -> bool:
        """Whether the integers, in units of 2^-shift, give `codes`.

        Where both ends of a run of a code have it, all between them have: the residual behind the same bits rises
        with A. So each level has to turn behind the last end whose bit is 0, and not behind the first one that is 1.
        """
        unit = 1 << shift
        edges = [threshold]
        for turns, step in zip(self._turns, (0, *steps), strict=True):
            edges = [edges[turn.behind] + turn.sign * step for turn in turns]
            for edge, turn in zip(edges, turns, strict=True):
                if not unit * turn.least < edge <= unit * turn.most:
                    return False
        return True

    def integers(self, shift: int) -> tuple[int, Steps] | None:
        """(t, δ_1 … δ_{M-1}) in units of 2^-shift that give exactly `codes`, of any size; None: the grid is too coarse.

        The first that is exact of the integers next to all numbers, beginning with t rounded up and the steps to the
        nearest. For one level that one is always exact.
        """
        choices = []
        for place, number in enumerate(self.numbers):
            scaled, unit = number.numerator << shift, number.denominator
            down, up = scaled // unit, -(-scaled // unit)
            first = (2 * scaled + unit) // (2 * unit) if place else up
            choices.append((first, *(n for n in (down, up, down - 1, up + 1) if n != first)))
        most = _TRIED_AT_LAST if shift == MOST_SHIFT else _TRIED if len(choices) < _MANY_LEVELS else _FEW_TRIED
        for threshold, *steps in islice(product(*choices), most):
            if not steps or self.gives(threshold, tuple(steps), shift):
                return threshold, tuple(steps)
        return None


def boundaries(codes: Segments, levels: int, reach: int) -> list[int]:
    """For each code from 1 to 2^M - 1 the first A whose code is at least that; R + 1 where none is.

    Args:
        codes: of every A in 0 … R; they rise.
        levels: M.
        reach: R of the accumulator.
    """
    first_of = [reach + 1] * (1 << levels)
    for first, code in reversed(codes):
        first_of[: code + 1] = [first] * (code + 1)
    return first_of[1:]


def step_tree(boundaries: Sequence[int]) -> tuple[int, Steps]:
    """(t, a tree of 2^M - 2 steps): a binary search, whose steps lead from the boundary just asked to the next one.

    Args:
        boundaries: 2^M - 1 numbers that do not fall; A has a code of at least i + 1 from boundaries[i] on.
    """
    levels = len(boundaries).bit_length()
    threshold = boundaries[(1 << (levels - 1)) - 1]
    behind, steps = [threshold], []
    for level in range(1, levels):
        half = 1 << (levels - 1 - level)
        longer = [boundaries[(2 * code + 1) * half - 1] for code in range(1 << level)]
        steps += [abs(boundary - behind[code >> 1]) for code, boundary in enumerate(longer)]
        behind = longer
    return threshold, tuple(steps)


def constant_code(bits: Sequence[bool], reach: int) -> tuple[int, Steps]:
    """(t, steps) that give the code `bits` for every A in 0 … R, from t = -1 or R + 1 and steps 0 or R + 2."""
    threshold = -1 if bits[0] else reach + 1
    return threshold, tuple(reach + 2 if before != after else 0 for before, after in pairwise(bits))


def segments(threshold: int, steps: Steps, reach: int, unit: int = 1) -> Segments:
    """The code that the integers give, r = unit·A - t at first, for every A in 0 … R."""
    runs = _runs(threshold, steps, 0, reach, unit)
    return [run for i, run in enumerate(runs) if i == 0 or runs[i - 1][1] != run[1]]


def _runs(threshold: int, steps: Steps, first: int, last: int, unit: int) -> Segments:
    if first > last:
        return []
    turn = -(-threshold // unit)  # the first A with r ≥ 0
    if not steps:
        below = [(first, 0)] if first < turn else []
        above = [(max(first, turn), 1)] if last >= turn else []
        return below + above
    top = 1 << len(steps)
    below = _runs(threshold - steps[0], steps[1:], first, min(last, turn - 1), unit)
    above = _runs(threshold + steps[0], steps[1:], max(first, turn), last, unit)
    return below + [(start, top | code) for start, code in above]


def fits(threshold: int, steps: Steps, reach: int, threshold_bits: int) -> bool:
    """True if t, the steps and every residual on the way fit signed T-bit integers."""
    limit = 1 << (threshold_bits - 1)
    low, high = -threshold, reach - threshold
    if not -limit <= threshold < limit or not (-limit <= low and high < limit):
        return False
    for step in steps:
        ends = [end for end in (max(low, 0) - step, high - step) if high >= 0]
        ends += [end for end in (low + step, min(high, -1) + step) if low < 0]
        low, high = min(ends), max(ends)
        if not (-limit <= step < limit and -limit <= low and high < limit):
            return False
    return True


def fit(threshold: int, steps: Steps, reach: int, threshold_bits: int) -> tuple[int, Steps]:
    """The same codes for every A in 0 … R from a threshold and steps that fit T bits.

    Numbers that already fit are returned as they are; clipping each by itself would be wrong, since a
    huge step can be undone by the next one. The answer always exists where R + M < 2^(T-1), which the
    law's max(2, M)·(R + 2) < 2^(T-1) implies.

    Raises:
        LoweringError: the numbers do not fit and T is too small for any others.
    """
    if fits(threshold, steps, reach, threshold_bits):
        return threshold, steps
    small = _shrink(threshold, steps, reach)
    if not fits(*small, reach, threshold_bits):
        raise LoweringError(
            f"threshold {threshold} with steps {steps} has no exact form in {threshold_bits} bits "
            f"for an accumulator of 0 to {reach}; allow more threshold bits"
        )
    return small


@dataclass(frozen=True)
class _Run:
    """The accumulators first … last that share a code so far, whose last bit has this sign.

    `edge` is the place that the residual of the small numbers is counted from: r = A - edge. All of the
    run lies on the side of `edge` that `sign` says.
    """

    first: int
    last: int
    edge: int
    sign: int

    @property
    def across(self) -> int:
        """The step that moves the edge past the whole run and one further."""
        return self.last + 1 - self.edge if self.sign > 0 else self.edge - self.first + 1

    def stays(self, step: int) -> bool:
        """True if the edge, moved by `step`, is still before the whole run."""
        return self.edge + step <= self.first if self.sign > 0 else self.edge - step > self.last

    def crosses(self, step: int) -> bool:
        """True if the edge, moved by `step`, is behind the whole run."""
        return self.edge + step > self.last if self.sign > 0 else self.edge - step <= self.first

    def after(self, step: int) -> "list[_Run]":
        """The runs that the next comparison cuts this one into."""
        return _cut(self.first, self.last, self.edge + self.sign * step)


def _cut(first: int, last: int, edge: int) -> list[_Run]:
    below = [_Run(first, min(last, edge - 1), edge, -1)] if first < edge else []
    above = [_Run(max(first, edge), last, edge, 1)] if last >= edge else []
    return below + above


def _shrink(threshold: int, steps: Steps, reach: int) -> tuple[int, Steps]:
    """Small numbers with the same codes.

    Kept from step to step: in every run the true edge is `edge + sign·debt`, with one debt for all runs. A step
    that moves every true edge past its run, or none, needs no exact landing: the small edges make the
    shortest such move and the rest becomes debt, whose sign turns with the bit. Any other step lands
    inside a run, so it is no longer than the run and its distance: it pays the debt in full.
    """
    small_threshold = min(max(threshold, -1), reach + 1)
    runs = _cut(0, reach, small_threshold)
    debt = runs[0].sign * (threshold - small_threshold)  # 0 if both sides of t are alive
    small = []
    for step in steps:
        landing = step + debt
        if all(run.stays(landing) for run in runs):
            small.append(0)
            debt = landing
        elif all(run.crosses(landing) for run in runs):
            small.append(max(run.across for run in runs))
            debt = small[-1] - landing
        else:
            small.append(landing)
            debt = 0
        runs = [piece for run in runs for piece in run.after(small[-1])]
    return small_threshold, tuple(small)
