"""Max-pool on codes: codes order their inputs, so the largest code is the code of the largest input."""

import numpy as np

from rebnet.spec.features import max_pool_features
from rebnet.spec.residual import Bits, code
from rebnet.spec.window import Window


def max_pool(planes: Bits, window: Window) -> Bits:
    """The largest code, as an unsigned integer, of every window and channel.

    Args:
        planes: bit planes of maps, shape (levels, images, height, width, channels).
        window: the window; padding is the lowest code.

    Returns:
        Shape (levels, images, out height, out width, channels).
    """
    levels, largest = len(planes), max_pool_features(code(planes), window)
    return np.stack([(largest >> (levels - 1 - level)) & 1 for level in range(levels)]).astype(np.bool_)
