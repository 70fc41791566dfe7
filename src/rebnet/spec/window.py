"""Windows over a feature map: where they stand, what pads them, and the one order of their elements.

Windows floor: out = floor((in + before + after - K)/stride) + 1 along each axis. With 'same', out = ceil(in/stride) and
the axis is padded by max((out - 1)·stride + K - in, 0) in total, floor half before and the rest after. Padding is the
lowest code (all bits 0, the value -Σγ): zero does not exist in a binary feature map.

The elements of a window stand in the order kernel row, kernel column, channel, which is the order in which a
streamed map (height, width, channel) delivers them; weights are stored in the same order.
"""

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Element = TypeVar("Element", bound=np.generic)
Pair = tuple[int, int]
"""Numbers of rows and of columns."""
Pads = tuple[Pair, Pair]
"""Rows above and below a map, columns left and right of it."""

NO_PADS: Pads = ((0, 0), (0, 0))

_N = "[0-9]{1,4}"
_SIDE = rf"(?:{_N}|\({_N},{_N}\))"
_WINDOW = re.compile(rf"({_N})x({_N})(?:/({_N})(?:x({_N}))?)?(\+same|\+{_SIDE}(?:x{_SIDE})?)?")


@dataclass(frozen=True, init=False)
class Window:
    """A window that moves over a map.

    Attributes:
        kernel: its rows and columns.
        stride: rows and columns that it moves by.
        same: the map is padded so that there are ceil(in/stride) windows along each axis.
        pads: rows above and below and columns left and right that pad the map, where it is not 'same'.
    """

    kernel: Pair
    stride: Pair
    same: bool
    pads: Pads

    def __init__(
        self, kernel: int | Pair, stride: int | Pair = 1, same: bool = False, pads: int | Pair | Pads = NO_PADS
    ) -> None:
        """A number stands for both axes; pads (rows, columns) are those of both sides."""
        object.__setattr__(self, "kernel", _pair(kernel))
        object.__setattr__(self, "stride", _pair(stride))
        object.__setattr__(self, "same", same)
        rows, columns = pads if isinstance(pads, tuple) else (pads, pads)
        object.__setattr__(self, "pads", (_pair(rows), _pair(columns)))

    def __str__(self) -> str:
        stride = "" if self.stride == (1, 1) else f"/{short(self.stride)}"
        return f"{self.kernel[0]}x{self.kernel[1]}{stride}{self.padding_text}"

    @property
    def padding_text(self) -> str:
        """What pads the map, in the notation; nothing where nothing does."""
        if self.same:
            return "+same"
        rows, columns = (str(a) if a == b else f"({a},{b})" for a, b in self.pads)
        return f"+{rows}" if rows == columns != "0" else f"+{rows}x{columns}" if self.padded else ""

    @property
    def area(self) -> int:
        """Elements of a channel in a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def padded(self) -> bool:
        """Whether the text asks for padding; 'same' may add none to a map."""
        return self.same or self.pads != NO_PADS

    def padding(self, height: int, width: int) -> Pads:
        """Rows above and below and columns left and right of a map of this size."""
        if not self.same:
            return self.pads
        rows, columns = (_same(*axis) for axis in zip((height, width), self.kernel, self.stride, strict=True))
        return rows, columns

    def before(self, height: int, width: int) -> Pair:
        """Rows above and columns left of a map of this size."""
        (top, _), (left, _) = self.padding(height, width)
        return top, left

    def output(self, height: int, width: int) -> Pair:
        """Windows along both axes of a map."""
        axes = zip((height, width), self.padding(height, width), self.kernel, self.stride, strict=True)
        rows, columns = ((size + sum(pads) - kernel) // stride + 1 for size, pads, kernel, stride in axes)
        return rows, columns

    def fits(self, height: int, width: int) -> bool:
        """Whether a map of this size holds one window at least, with its padding."""
        rows, columns = self.output(height, width)
        return rows >= 1 and columns >= 1


def _pair(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)


def _same(size: int, kernel: int, stride: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def short(pair: Pair) -> str:
    """Rows x columns, or one number where they are equal."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def read_window(text: str) -> Window | None:
    """The window of a text such as "3x3/2+same" or "1x9/1x2+(0,1)x4", the inverse of `str`; None where it is none."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    rows, columns, down, right, pads = found.groups()
    kernel, stride = (int(rows), int(columns)), (int(down or 1), int(right or down or 1))
    if pads in (None, "+same"):
        return Window(kernel, stride, same=pads is not None)
    sides = [tuple(map(int, side.strip("()").split(","))) for side in pads[1:].split("x")]
    above, left = ((side[0], side[-1]) for side in (sides[0], sides[-1]))
    return Window(kernel, stride, pads=(above, left))


def windows(planes: NDArray[Element], window: Window) -> NDArray[Element]:
    """Every window of a feature map, padded with the lowest code.

    Args:
        planes: bit planes of maps, shape (levels, images, height, width, channels), or whole words of them: padding
            is 0 either way.
        window: the window.

    Returns:
        Shape (levels, images, out height, out width, K rows·K columns·channels).
    """
    height, width = planes.shape[2:4]
    padded = np.pad(planes, ((0, 0), (0, 0), *window.padding(height, width), (0, 0)))
    out_height, out_width = window.output(height, width)
    down, right = window.stride
    view = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=(2, 3))[:, :, ::down, ::right]
    view = view[:, :, :out_height, :out_width].transpose(0, 1, 2, 3, 5, 6, 4)
    return view.reshape(*view.shape[:4], -1)
