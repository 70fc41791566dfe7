"""Real feature maps, (images, height, width, channels) of real numbers: padding, windows and max-pools."""

from functools import reduce
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from rebnet.spec.window import Window

Maps = NDArray[np.floating[Any]]


def padded(maps: Maps, window: Window, lowest: float | Maps) -> Maps:
    """The maps with the padding of `window` around them, all of it `lowest`, a number or one for each image."""
    (top, bottom), (left, right) = window.padding(*maps.shape[1:3])
    if not top + bottom + left + right:
        return maps
    count, height, width, channels = maps.shape
    result = np.empty((count, height + top + bottom, width + left + right, channels), dtype=maps.dtype)
    result[:] = lowest
    result[:, top : top + height, left : left + width] = maps
    return result


def windows(maps: Maps, window: Window) -> Maps:
    """Every window of padded maps, copied: (images, out height, out width, elements), in the window's own order."""
    maps = np.ascontiguousarray(maps)
    count, height, width, channels = maps.shape
    (rows, columns), (down, right) = window.kernel, window.stride
    out_height, out_width = (height - rows) // down + 1, (width - columns) // right + 1
    image, line, pixel, _ = maps.strides
    view = as_strided(  # a line of a window is consecutive in memory, so it is copied at once
        maps,
        (count, out_height, out_width, rows, columns * channels),
        (image, down * line, right * pixel, line, maps.itemsize),
        writeable=False,
    )
    return view.reshape(count, out_height, out_width, -1)


def pool(maps: Maps, window: Window) -> Maps:
    """The largest value of every window and channel, of what lies on the map."""
    counts = window.output(*maps.shape[1:3])
    maps = padded(maps, window, -np.inf)
    rows, columns = (
        [slice(start, start + (count - 1) * stride + 1, stride) for start in range(kernel)]
        for count, kernel, stride in zip(counts, window.kernel, window.stride, strict=True)
    )
    return reduce(np.maximum, [maps[:, row, column] for row in rows for column in columns])
