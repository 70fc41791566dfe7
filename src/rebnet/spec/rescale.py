"""Accumulators to features: z = floor((A_c·v + B_c)/2^s), whole numbers on a grid of 2^-F.

A_c has 16 bits and B_c holds the half that rounding adds. What z rounds is the real number x = a·v + b with
a = A_c/2^(s+F) and b = ((B_c + 1/2)/2^s - 1/2)/2^F. It lies half of a 2^-(s+F) or more from where z would be another
one, so that whoever computes floor(2^F·x + 1/2) in floating point, with some more digits than that takes, gets z.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import LoweringError
from rebnet.spec.scores import SCALE_BITS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_RESCALE_SHIFT = 40
"""Largest s."""


@dataclass(frozen=True)
class Grid:
    """Constants of a layer's rescale: `scale` A_c and `bias` B_c of shape (*sets, rows), and one `shift` s."""

    scale: Integers
    bias: Integers
    shift: int


def grid_of(a: Floats, b: Floats, fraction_bits: int) -> Grid:
    """The constants nearest to z = 2^F·(a·v + b), rounded half up, with the finest shift that 16 bits of A_c allow.

    Args:
        a: real value of one unit of v, per row, any number of sets: shape (*sets, rows).
        b: real offsets, same shape.
        fraction_bits: F.

    Raises:
        LoweringError: a slope takes more than 16 bits already in units of 2^-F.
    """
    slope, offset = a * 2.0**fraction_bits, b * 2.0**fraction_bits + 0.5
    peak, most = float(np.max(np.abs(slope))), (1 << (SCALE_BITS - 1)) - 1
    if not peak <= most:
        raise LoweringError(
            f"a slope of {float(np.max(np.abs(a))):g} a unit makes features of {peak:g} units of 2^-{fraction_bits}, "
            f"and {most} is the most that {SCALE_BITS} bits hold; use fewer fraction bits"
        )
    shift = next((s for s in reversed(range(MOST_RESCALE_SHIFT + 1)) if peak * 2.0**s <= most), 0)
    scale, bias = np.rint(slope * 2.0**shift), np.floor(offset * 2.0**shift)
    return Grid(scale.astype(np.int64), bias.astype(np.int64), shift)


def real_values(grid: Grid, fraction_bits: int) -> tuple[Floats, Floats]:
    """(a, b) of the real numbers a·v + b that the constants round; shapes as theirs."""
    unit = 2.0**-fraction_bits
    a, b = (numbers.astype(np.float64) * 2.0**-grid.shift for numbers in (grid.scale, grid.bias))
    return a * unit, (b + 2.0 ** -(grid.shift + 1) - 0.5) * unit


def rescale(v: Integers, scale: Integers, bias: Integers, shift: int) -> Integers:
    """Features z = floor((A_c·v + B_c)/2^s).

    Args:
        v: signed sums, shape (*S, rows).
        scale: A_c, shape (rows,).
        bias: B_c, shape (rows,).
        shift: s.

    Returns:
        z, shape (*S, rows).
    """
    return np.asarray((scale * v + bias) >> shift)


def rescaled_bounds(reach: int, scale: Integers, bias: Integers, shift: int) -> tuple[int, int]:
    """The least and the largest z for v in -R … R."""
    far = np.abs(scale) * reach
    return int(((bias - far) >> shift).min()), int(((bias + far) >> shift).max())
