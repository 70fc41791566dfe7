"""Features: maps of whole numbers on a grid, and what adds, joins and pools them.

A feature z stands for the real number z·unit. Those that meet have units that differ by a power of two at most; the
finest counts, and the others are shifted to it.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.window import Window

Integers = NDArray[np.int64]


def add_features(values: Sequence[Integers], shifts: Sequence[int]) -> Integers:
    """Σ z_i·2^k_i of maps of one shape."""
    return reduce(add, (value << shift for value, shift in zip(values, shifts, strict=True)))


def sum_pool(maps: Integers, window: Window | None) -> Integers:
    """The sum of every window and channel: an average whose 1/area stands in the unit.

    Args:
        maps: shape (images, height, width, channels).
        window: without padding; None for the whole map.

    Returns:
        Shape (images, out height, out width, channels).
    """
    if window is None:
        return np.asarray(maps.sum(axis=(1, 2), keepdims=True))
    return np.asarray(_views(maps, window).sum(axis=(4, 5)))


def max_pool_features(maps: Integers, window: Window) -> Integers:
    """The largest of every window and channel, of what lies on the map; shapes as those of `sum_pool`."""
    pads = window.padding(*maps.shape[1:3])
    least = np.iinfo(maps.dtype).min if maps.dtype.kind in "iu" else -np.inf
    padded = np.pad(maps, ((0, 0), *pads, (0, 0)), constant_values=least)
    return np.asarray(_views(padded, window).max(axis=(4, 5)))


def _views(maps: Integers, window: Window) -> Integers:
    down, right = window.stride
    return np.lib.stride_tricks.sliding_window_view(maps, window.kernel, axis=(1, 2))[:, ::down, ::right]
