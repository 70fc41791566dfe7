"""Square windows over a feature map: where they stand, what pads them, and the one order of their elements.

Unpadded windows floor: out = floor((in - K)/stride) + 1. With 'same', out = ceil(in/stride) and the map is padded by
max((out - 1)·stride + K - in, 0) in total, floor half before and the rest after, with the lowest code (all bits 0,
the value -Σγ): zero does not exist in a binary feature map.

The elements of a window stand in the order kernel row, kernel column, channel, which is the order in which a
streamed map (height, width, channel) delivers them; weights are stored in the same order.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True)
class Window:
    """A K x K window that moves by `stride`; `same` pads the map."""

    kernel: int
    stride: int
    same: bool = False

    def __str__(self) -> str:
        stride = "" if self.stride == 1 else f"/{self.stride}"
        return f"{self.kernel}x{self.kernel}{stride}{'+same' if self.same else ''}"

    def padding(self, size: int) -> tuple[int, int]:
        """Padding before and after an axis of `size` elements."""
        if not self.same:
            return 0, 0
        total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2

    def length(self, size: int) -> int:
        """Windows along an axis of `size` elements."""
        return (size + sum(self.padding(size)) - self.kernel) // self.stride + 1

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Windows along both axes of a map."""
        return self.length(height), self.length(width)


def windows(planes: NDArray[Element], window: Window) -> NDArray[Element]:
    """Every window of a feature map, padded with the lowest code.

    Args:
        planes: bit planes of maps, shape (levels, images, height, width, channels), or whole words of them: padding
            is 0 either way.
        window: the window.

    Returns:
        Shape (levels, images, out height, out width, K·K·channels).
    """
    height, width = planes.shape[2:4]
    padded = np.pad(planes, ((0, 0), (0, 0), window.padding(height), window.padding(width), (0, 0)))
    out_height, out_width = window.output(height, width)
    k, stride = window.kernel, window.stride
    view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]
    view = view[:, :, :out_height, :out_width].transpose(0, 1, 2, 3, 5, 6, 4)
    return view.reshape(*view.shape[:4], -1)
