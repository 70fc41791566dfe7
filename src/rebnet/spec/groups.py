"""Convolutions in groups: an output sees the channels of its own group alone.

With G groups of C/G channels each, output row r of `rows` is of group r // (rows/G). Its columns are the elements of a
window that are of that group's channels, in the window's order: kernel row, kernel column, channel of the group. So a
row has kernel area·C/G weights, and A = Σ g_i·p_i with R = kernel area·C/G·Σ g_i. G = 1 is the plain convolution; G = C
is the depthwise one, where rows/C is its channel multiplier.

Source: AlexNet (2012), section 3.5, for groups; MobileNets (arXiv:1704.04861), section 3.1, for depthwise ones.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.residual import Bits
from rebnet.spec.window import Element
from rebnet.spec.xnor import accumulate


def group_fault(channels: int, rows: int, groups: int, planes: int = 1) -> str | None:
    """What is wrong with the groups of a convolution, or None: "3 groups do not divide 8 channels"."""
    if groups < 1:
        return f"has {groups} groups; use at least 1"
    for count, what in ((channels, "input channels"), (rows, "outputs")):
        if count % groups:
            return f"has {groups} groups, which do not divide its {count} {what}; use a divisor of both"
    if groups > 1 and planes > 1:
        return f"has {groups} groups and weights of {planes} planes; in groups use weights of 1 bit"
    return None


def split_groups(vectors: NDArray[Element], area: int, groups: int) -> NDArray[Element]:
    """Windows of all channels, cut into groups.

    Args:
        vectors: shape (…, area·channels), in a window's order.
        area: elements of a channel in a window.
        groups: G, which divides the channels.

    Returns:
        Shape (groups, …, area·channels/groups).
    """
    *places, columns = vectors.shape
    cut = np.moveaxis(vectors.reshape(*places, area, groups, -1), -2, 0)
    return cut.reshape(groups, *places, columns // groups)


def accumulate_groups(planes: Bits, weights: Bits, gains: Sequence[int], area: int, groups: int) -> NDArray[np.int64]:
    """The accumulators A of every window and row of a convolution in groups.

    Args:
        planes: bit planes of windows of all channels, shape (levels, vectors, area·channels).
        weights: weight rows, shape (rows, area·channels/groups).
        gains: g_1 … g_m.
        area: elements of a channel in a window.
        groups: G, which divides channels and rows.

    Returns:
        Shape (vectors, rows).
    """
    rows = weights.reshape(groups, -1, weights.shape[1])
    cut = split_groups(planes, area, groups)
    return np.concatenate([accumulate(own, part, gains) for own, part in zip(cut, rows, strict=True)], axis=1)
