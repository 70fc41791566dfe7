"""BatchNorm followed by residual sign, as one threshold and M - 1 steps per output channel.

With z = a·v + b, a > 0 per unit of v and v = 2A - R:
t = ceil((R - b/a)/2) and δ_i = round(γ_i/(2a)), evaluated exactly on rational numbers.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

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
    changes = zip(bits, bits[1:], strict=False)
    return threshold, tuple(reach + 2 if before != after else 0 for before, after in changes)


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

    Numbers that already fit are returned as they are. Clipping each number by itself would be wrong: a
    huge step can be undone by the next one, so what is kept is where each comparison ends up.

    Raises:
        LoweringError: no exact choice was found.
    """
    if fits(threshold, steps, reach, threshold_bits):
        return threshold, steps
    small = _shrink(threshold, steps, reach)
    same = segments(*small, reach) == segments(threshold, steps, reach)
    if not same or not fits(*small, reach, threshold_bits):
        raise LoweringError(
            f"threshold {threshold} with steps {steps} has no exact form in {threshold_bits} bits; allow more"
        )
    return small


def _shrink(threshold: int, steps: Steps, reach: int) -> tuple[int, Steps]:
    if not 0 < threshold <= reach:  # the first bit is constant: only where the next comparison lands matters
        constant_one = threshold <= 0
        edge = -1 if constant_one else reach + 1
        if not steps:
            return edge, ()
        landed, rest = _shrink(threshold + steps[0] if constant_one else threshold - steps[0], steps[1:], reach)
        return edge, (abs(landed - edge), *rest)
    # Both sides are alive and move apart by a common offset; far outside 0 … R only its side matters.
    far = reach + 2
    offset, kept, small = 0, 0, []
    for index, step in enumerate(steps):
        direction = 1 if index == 0 or offset <= 0 else -1
        offset += direction * step
        target = max(-far, min(far, offset))
        small.append(direction * (target - kept))
        kept = target
        if abs(offset) < far:  # a comparison may fall inside: the rest is bounded, each step by itself
            small.extend(min(later, far) for later in steps[index + 1 :])
            break
    return threshold, tuple(small)
