"""A quantizer of sums as the least whole sum of each code."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from rebnet.errors import ModelError
from rebnet.importing.graph import OnnxNode
from rebnet.importing.values import Quantizer, Sums


def rising(node: OnnxNode, sums: Sums) -> Sums:
    """The same sums with no slope below 0: rows that fall are negated."""
    for row, slope in enumerate(sums.a):
        if slope >= 0:
            continue
        if sums.pooled or not sums.of.turns:
            why = "several nodes read" if not sums.pooled else "a max-pool gives"
            raise ModelError(
                f"{node}: reads channel {row} of what {why}, multiplied by {float(slope):g}; quantize in front of "
                "that, or keep what it is multiplied with above 0"
            )
        sums.of.flip(row)
    return replace(sums, a=tuple(map(abs, sums.a)))


def firsts_of(
    a: Fraction, b: Fraction, ends: Sequence[Fraction], strict: Sequence[bool], bounds: tuple[int, int], relu: bool
) -> tuple[int, ...]:
    """For each end the least whole n with z = a·n + b at it, or beyond it where it is strict; a ≥ 0.

    Behind a ReLU, which makes z 0 at least, an end at or below 0 is always reached.
    """
    found, (low, high) = [], bounds
    for end, beyond in zip(ends, strict, strict=True):
        if relu and (end < 0 or (end == 0 and not beyond)):
            first = low
        elif a == 0:
            first = low if (b > end if beyond else b >= end) else high + 1
        else:
            bound = (end - b) / a
            first = floor(bound) + 1 if beyond else ceil(bound)
        found.append(min(max(first, low), high + 1))
    return tuple(found)


def reached(
    step: Quantizer, firsts: Sequence[tuple[int, ...]], sums: Sums
) -> tuple[Fraction, int, Sequence[tuple[int, ...]]]:
    """A quantizer's least value, bits and first sums without codes that nothing reaches.

    A least value of 0 stays, which pads may have.
    """
    most = max(sum(first <= high for first in row) for row, high in zip(firsts, sums.of.high, strict=True))
    fewest = min(sum(first <= low for first in row) for row, low in zip(firsts, sums.of.low, strict=True))
    fewest = min(fewest, most - 1) if step.least else 0
    start = max(fewest, 0)
    bits = max(1, (most - start).bit_length())
    if bits == step.bits:
        return step.least, bits, firsts
    return step.least + start * step.step, bits, [row[start : start + (1 << bits) - 1] for row in firsts]
