"""Weights of a foreign layer as planes of ±1: one bit, ternary, or whole numbers of up to 64 in size."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.ir.architecture import MAX_WEIGHT_PLANES
from rebnet.spec.xnor import odd_gains

_ROUNDING = 1e-5
"""Of a weight, as a part of its row's step: float32's, and that of the scale that it was multiplied with."""


_MOST = 256
"""How much larger than its step a weight may be, before the planes are counted."""


class Planes(NamedTuple):
    """Weights as planes.

    Attributes:
        bits: shape (planes, rows, columns).
        gains: what each plane counts.
        values: Σ_j h_j·(±1), shape (rows, columns).
        scales: of each row, what 1 of its values is worth.
    """

    bits: NDArray[np.bool_]
    gains: tuple[int, ...]
    values: NDArray[np.int64]
    scales: tuple[Fraction, ...]


def planes_of(place: str, weights: Array) -> Planes:
    """The planes of weights of shape (rows, columns).

    Odd multiples of a row's step have k planes of 2^(k-1) … 1. Others are doubled, so that 0 has a place too: ternary
    ones have planes of (1, 1), larger ones of (2^(k-1), …, 1, 1).

    Raises:
        ModelError: a row's weights are no whole multiples of a step, all 0, or too large.
    """
    steps = [_step(place, row, numbers) for row, numbers in enumerate(weights.astype(np.float64))]
    whole = np.stack([_multiples(place, row, weights[row], step) for row, step in enumerate(steps)])
    most = int(np.abs(whole).max())
    scales = tuple(Fraction(float(step)) for step in steps)
    if (whole % 2 != 0).all():
        gains = odd_gains(most.bit_length())
    else:
        whole, scales = 2 * whole, tuple(scale / 2 for scale in scales)
        gains = (*odd_gains((2 * most - 1).bit_length()), 1)
    if len(gains) > MAX_WEIGHT_PLANES:
        raise ModelError(
            f"{place}: weights of {most} times their step take {len(gains)} planes; {MAX_WEIGHT_PLANES} are the most, "
            "which hold weights from -64 to 64, and odd ones to 255"
        )
    left = (whole + sum(gains)) // 2  # Σ_j h_j·bit_j
    bits = []
    for gain in gains:
        bits.append(left >= gain)
        left = left - gain * bits[-1]
    return Planes(np.stack(bits), gains, whole, scales)


def _step(place: str, row: int, numbers: NDArray[np.float64]) -> float:
    """The largest number of which all of a row are multiples, as far as they tell."""
    sizes = np.unique(np.abs(numbers[numbers != 0]))
    if not len(sizes) or not np.isfinite(numbers).all():
        raise ModelError(f"{place}: weights of output {row} are all 0, or not finite; leave the output out")
    step = float(sizes[0])
    for size in sizes[1:]:
        rest = float(size)
        while rest > _ROUNDING * size:  # Euclid's, as far as float32 goes
            step, rest = rest, abs(step - rest * round(step / rest))
            if step <= sizes[0] / _MOST:
                return step
    return step


def _multiples(place: str, row: int, numbers: Array, step: float) -> NDArray[np.int64]:
    ratios = numbers.astype(np.float64) / step
    whole = np.rint(ratios)
    if (np.abs(ratios - whole) > _ROUNDING * np.maximum(np.abs(whole), 1)).any() or np.abs(whole).max() >= _MOST:
        some = ", ".join(f"{value:g}" for value in np.unique(numbers)[:4])
        raise ModelError(
            f"{place}: weights of output {row} have the values {some} ..., no whole multiples of a step; quantize "
            "them to 1 to 7 bits"
        )
    return np.asarray(whole, dtype=np.int64)
