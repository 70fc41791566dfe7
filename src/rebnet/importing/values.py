"""What the tensors of a foreign graph are, on exact numbers.

A tensor has the shape that the graph gives it; `order` says for each of its places which element of our value that is
(height, width, channel), so that what turns shapes around, as Flatten and Transpose do, moves `order` and nothing else.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.values import Shape
from rebnet.spec.window import Window

Order = NDArray[np.int64]


@dataclass(frozen=True)
class Pixels:
    """A function of an image's bytes: what the byte p is here, in the executor's own float32."""

    table: NDArray[np.float32]
    order: Order
    shape: Shape


@dataclass
class Layer:
    """A layer whose rows may still be turned around.

    Attributes:
        name: of the layer.
        bits: of the weights, (planes, rows, columns), True for +1; columns in the window's own order.
        gains: what each plane counts.
        window: of a convolution.
        groups: of a convolution.
        reach: the largest sum there can be, of whole weights and codes.
    """

    name: str
    bits: NDArray[np.bool_]
    gains: tuple[int, ...]
    window: Window | None
    groups: int
    reach: int

    def flip(self, row: int) -> None:
        """Negate a row."""
        self.bits[:, row] = ~self.bits[:, row]


@dataclass(frozen=True)
class Codes:
    """Codes of `bits` bits, u = 0 … 2^bits - 1, which are worth step·u + least."""

    name: str
    bits: int
    step: Fraction
    least: Fraction
    order: Order
    shape: Shape
    before: "tuple[Sums, Quantizer] | None" = None

    @property
    def scale(self) -> Fraction:
        """What 1 of c = 2u - (2^bits - 1) is worth."""
        return self.step / 2

    @property
    def offset(self) -> Fraction:
        """What c = 0 is worth."""
        return self.least + self.step * ((1 << self.bits) - 1) / 2


@dataclass(frozen=True)
class Sums:
    """z = a·v + b of a layer's signed sums v, a and b for each of its rows."""

    name: str
    layer: Layer
    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]
    order: Order
    shape: Shape

    @property
    def channels(self) -> NDArray[np.int64]:
        """The row of each place of the tensor."""
        return self.order % self.shape.channels


@dataclass(frozen=True)
class Quantizer:
    """A step function: from value `least` up by `step` at each of `ends`, which may be of each channel.

    `strict`: at an end itself there is no step yet.
    """

    ends: tuple[tuple[Fraction, ...], ...]  # [channel or 0][step]
    strict: tuple[bool, ...]
    step: Fraction
    least: Fraction

    @property
    def bits(self) -> int:
        """Of the codes."""
        return max(1, len(self.strict).bit_length())

    def ends_of(self, row: int) -> tuple[Fraction, ...]:
        """Those of a channel."""
        return self.ends[row % len(self.ends)]

    def value(self, number: Fraction) -> Fraction:
        """What a number becomes, where all channels have the same ends."""
        ends = zip(self.ends[0], self.strict, strict=True)
        return self.least + self.step * sum(number > end if strict else number >= end for end, strict in ends)


Tensor = Pixels | Codes | Sums


@dataclass
class Draft:
    """The network so far: what each node will be, and how many levels its codes have."""

    nodes: list[tuple[str, Any, tuple[str, ...]]] = field(default_factory=list)
    bits: int = 8
    table: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Boundaries:
    """Codes in a draft: for each row the least v of each code from 1 on."""

    bits: int
    firsts: tuple[tuple[int, ...], ...]
    layer: Layer


def map_order(shape: Shape) -> Order:
    """The order of a map that stands as 1, channels, height, width."""
    places = np.arange(shape.elements, dtype=np.int64).reshape(1, shape.height, shape.width, shape.channels)
    return np.ascontiguousarray(np.moveaxis(places, 3, 1))
