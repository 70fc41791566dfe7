"""Depth to space: the channels of every place of a map become a block of places, with fewer channels each."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Element = TypeVar("Element", bound=np.generic)


def depth_to_space(maps: NDArray[Element], block: int) -> NDArray[Element]:
    """Channel c·block² + i·block + j of a place is channel c of row i, column j of the block that the place becomes.

    That is the order of torch's `PixelShuffle`, and of ONNX' `DepthToSpace` with mode CRD.

    Args:
        maps: shape (*S, height, width, channels), of codes or features; channels are a multiple of block².
        block: rows of a block, and its columns.

    Returns:
        Shape (*S, height·block, width·block, channels/block²).
    """
    *lead, height, width, channels = maps.shape
    parts = maps.reshape(*lead, height, width, channels // block**2, block, block)
    return np.moveaxis(parts, (-2, -1), (-4, -2)).reshape(*lead, height * block, width * block, channels // block**2)
