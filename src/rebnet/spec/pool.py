"""Max-pool on codes: codes order their inputs, so the largest code is the code of the largest input."""

import numpy as np

from rebnet.spec.residual import Bits, code
from rebnet.spec.window import Window


def max_pool(planes: Bits, window: Window) -> Bits:
    """The largest code, as an unsigned integer, of every window and channel.

    Args:
        planes: bit planes of maps, shape (levels, images, height, width, channels).
        window: the window, unpadded.

    Returns:
        Shape (levels, images, out height, out width, channels).
    """
    levels, (height, width) = len(planes), planes.shape[2:4]
    out_height, out_width = window.output(height, width)
    codes = code(planes)
    k, stride = window.kernel, window.stride
    view = np.lib.stride_tricks.sliding_window_view(codes, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    largest = view[:, :out_height, :out_width].max(axis=(4, 5))
    return np.stack([(largest >> (levels - 1 - level)) & 1 for level in range(levels)]).astype(np.bool_)
