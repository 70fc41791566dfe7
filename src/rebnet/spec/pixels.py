"""An image is already a residual code.

For the top k bits u of a pixel, 2u - (2^k - 1) = Σ_j 2^j·(2·b_j - 1): a k-level residual code with
γ = (2^(k-1), …, 2, 1)/(2^k - 1) for the value x = (2u - (2^k - 1))/(2^k - 1) in [-1, 1].
"""

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.residual import Bits


def pixel_values(images: NDArray[np.uint8], bits: int) -> NDArray[np.float64]:
    """The value x in [-1, 1] that the top `bits` bits of each sample stand for; same shape."""
    top = (images >> (8 - bits)).astype(np.float64)
    peak = 2**bits - 1
    return np.asarray((2 * top - peak) / peak)


def pixel_planes(images: NDArray[np.uint8], bits: int) -> Bits:
    """Bit planes of the top `bits` bits of each sample, most significant first: (bits, *shape)."""
    return np.stack([(images >> (7 - plane)) & 1 for plane in range(bits)]).astype(np.bool_)


def pixel_gains(bits: int) -> tuple[int, ...]:
    """Gains of a pixel layer, 2^(k-1) … 1; the factor 1/(2^k - 1) goes into the affine part."""
    return tuple(1 << plane for plane in reversed(range(bits)))
