"""BatchNorm followed by residual sign, as one threshold and M - 1 steps per output channel.

With z = a·v + b, a > 0 per unit of v and v = 2A - R:
t = ceil((R - b/a)/2) and δ_i = round(γ_i/(2a)), evaluated exactly on rational numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rebnet.errors import LoweringError

Steps = tuple[int, ...]


def threshold_and_steps(a: float, b: float, gammas: Sequence[float], reach: int) -> tuple[int, Steps]:
    """(t, δ_1 … δ_{M-1}) of a channel with a > 0, integers of any size.

    Args:
        a: slope of z per unit of v, positive.
        b: offset of z.
        gammas: γ_1 … γ_M of the code to produce; the last has no step.
        reach: R of the accumulator.
    """
    slope = Fraction(a)
    threshold = math.ceil((reach - Fraction(b) / slope) / 2)
    steps = (math.floor(Fraction(gamma) / (2 * slope) + Fraction(1, 2)) for gamma in gammas[:-1])
    return threshold, tuple(steps)


def constant_code(bits: Sequence[bool], reach: int) -> tuple[int, Steps]:
    """(t, steps) that give the code `bits` for every A in 0 … R, from t = -1 or R + 1 and steps 0 or R + 2."""
    threshold = -1 if bits[0] else reach + 1
    return threshold, tuple(reach + 2 if before != after else 0 for before, after in pairwise(bits))


def segments(threshold: int, steps: Steps, reach: int) -> list[tuple[int, int]]:
    """The code as a step function of A in 0 … R: [(first A, code), …], neighbours differ in code."""
    runs = _runs(threshold, steps, 0, reach)
    return [run for i, run in enumerate(runs) if i == 0 or runs[i - 1][1] != run[1]]


def _runs(threshold: int, steps: Steps, first: int, last: int) -> list[tuple[int, int]]:
    if first > last:
        return []
    if not steps:
        below = [(first, 0)] if first < threshold else []
        above = [(max(first, threshold), 1)] if last >= threshold else []
        return below + above
    top = 1 << len(steps)
    below = _runs(threshold - steps[0], steps[1:], first, min(last, threshold - 1))
    above = _runs(threshold + steps[0], steps[1:], max(first, threshold), last)
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
