"""The last layer's integer scores: A_j·v_j + B_j with one common scale for all classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALE_BITS = 16
_NOTHING = 1e-280  # a peak below it is zero: dividing by it would overflow


def score_bits(threshold_bits: int) -> int:
    """Width of a signed score, T + 17 bits."""
    return threshold_bits + SCALE_BITS + 1


def quantize_scores(
    a: NDArray[np.float64], b: NDArray[np.float64], threshold_bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Integer (A_j, B_j) for z_j = a_j·v_j + b_j: as fine a common scale as both widths allow.

    |A_j| < 2^15 and |B_j| < 2^(T+15), so with |v| < 2^(T-1) every score fits T + 17 signed bits.

    Args:
        a: slopes per class, shape (classes,).
        b: offsets per class, shape (classes,).
        threshold_bits: T.
    """
    scale = score_scale(a, b, threshold_bits)
    return np.floor(a * scale + 0.5).astype(np.int64), np.floor(b * scale + 0.5).astype(np.int64)


def score_scale(a: NDArray[np.float64], b: NDArray[np.float64], threshold_bits: int) -> float:
    """What a score of z = 1 is in integers; arguments as in `quantize_scores`.

    A_j and B_j are rounded: a score is at most (|v| + 1)/2 away from this many times z.
    """
    limit_a, limit_b = 2.0 ** (SCALE_BITS - 1) - 1, 2.0 ** (threshold_bits + SCALE_BITS - 1) - 1
    peak_a, peak_b = np.max(np.abs(a)), np.max(np.abs(b))
    scales = [limit / peak for limit, peak in ((limit_a, peak_a), (limit_b, peak_b)) if peak > _NOTHING]
    return float(min(scales, default=1.0))


def scores(
    accumulator: NDArray[np.int64], reach: int, scale: NDArray[np.int64], bias: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Scores A_j·(2A - R) + B_j; accumulator (images, classes), or (images, …, classes) on a map, to the same shape."""
    return np.asarray(scale * (2 * accumulator - reach) + bias)


def differing_images(values: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """How many images have a score that differs; (images, …) each."""
    return int((values != others).any(axis=tuple(range(1, values.ndim))).sum())


def labels(values: NDArray[Any]) -> NDArray[np.int64]:
    """The first index of the largest score of each image, or place of a map; (images, …, classes) to (images, …)."""
    return np.asarray(np.argmax(values, axis=-1))
