"""Two slopes on features: RPReLU, and PReLU, which is the same without its shifts.

ReActNet (Liu et al., arXiv:2003.03488, section 4.2) moves a feature, bends it where it is negative, and moves it again:

    y = z + p;    w = y where y ≥ 0, else S_c·y/2^s;    result = w + q

p = -γ, S_c/2^s = β and q = ζ in the paper's letters. Shifts p and q count units of the feature. The bent half is
rounded half up, floor((S_c·y + 2^(s-1))/2^s), as a rescale rounds: floor alone would move every negative feature by
half a unit on average. At y = 0 both halves give 0.
"""

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.scores import SCALE_BITS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SLOPE_BITS = SCALE_BITS
"""Bits of S_c, signed."""
MOST_SLOPE_SHIFT = SLOPE_BITS - 1
"""Largest s: slopes are multiples of 2^-15 or of a larger power of two."""


def slope_shift(peak: float) -> int | None:
    """The finest s with which `SLOPE_BITS` hold slopes of size `peak` and less; None where none does."""
    most = (1 << (SLOPE_BITS - 1)) - 1
    return next((s for s in reversed(range(MOST_SLOPE_SHIFT + 1)) if peak * 2.0**s <= most), None)


def rounding(shift: int) -> int:
    """The half that rounding half up adds in front of a shift."""
    return (1 << shift) >> 1


def two_slope(z: Integers, slope: Integers, before: Integers, after: Integers, shift: int) -> Integers:
    """The bent features.

    Args:
        z: features, shape (*S, rows).
        slope: S_c, shape (rows,).
        before: p, in units of z, shape (rows,).
        after: q, likewise.
        shift: s.

    Returns:
        Features in the same unit, shape (*S, rows).
    """
    y = z + before
    return np.asarray(np.where(y >= 0, y, (slope * y + rounding(shift)) >> shift) + after)


def two_slope_bounds(
    low: int, high: int, slope: Integers, before: Integers, after: Integers, shift: int
) -> tuple[int, int]:
    """The least and the largest result of any channel for z in low … high; exact.

    Each half is monotone, so that they stand at the ends of z or where y is -1 or 0.
    """
    turn = np.clip(np.stack([-1 - before, -before]), low, high)
    ends = np.broadcast_to(np.array([[low], [high]]), turn.shape)
    found = two_slope(np.concatenate([ends, turn]), slope, before, after, shift)
    return int(found.min()), int(found.max())
