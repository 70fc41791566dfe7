"""What the tensors of a foreign graph are, on exact numbers.

A tensor has the shape that the graph gives it; `order` says for each of its places which element of our value that is
(height, width, channel), so that what turns shapes around, as Flatten and Transpose do, moves `order` and nothing else.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import gcd, lcm
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.values import Shape
from rebnet.spec.window import Window

if TYPE_CHECKING:
    from rebnet.importing.draft import Layer, Whole
    from rebnet.importing.graph import OnnxNode

Order = NDArray[np.int64]


@dataclass(frozen=True)
class Pixels:
    """A function of an image's bytes: what the byte p is here, in the executor's own float32."""

    table: NDArray[np.float32]
    order: Order
    shape: Shape


@dataclass(frozen=True)
class Part:
    """Codes u = 0 … 2^bits - 1 of one node, 1 of which is worth `step`."""

    name: str
    bits: int
    step: Fraction

    @property
    def peak(self) -> int:
        """The largest u."""
        return (1 << self.bits) - 1


@dataclass(frozen=True)
class Codes:
    """Codes, or a sum of codes, place by place: worth Σ step·u + least, `least` of each channel."""

    parts: tuple[Part, ...]
    least: tuple[Fraction, ...]
    order: Order
    shape: Shape
    before: "tuple[Sums, Quantizer] | None" = None

    @cached_property
    def grid(self) -> Fraction:
        """The largest number of which all steps are multiples; n = Σ times·u is worth so much a unit."""
        return common([part.step for part in self.parts])

    @cached_property
    def times(self) -> tuple[int, ...]:
        """Units of the grid in each part's step."""
        return tuple(int(part.step / self.grid) for part in self.parts)

    @cached_property
    def peak(self) -> int:
        """The largest n, whose least is 0."""
        return sum(times * part.peak for times, part in zip(self.times, self.parts, strict=True))

    @property
    def scale(self) -> Fraction:
        """What 1 of c = 2n - peak is worth."""
        return self.grid / 2

    @cached_property
    def offsets(self) -> tuple[Fraction, ...]:
        """What c = 0 is worth in each channel."""
        middle = self.scale * self.peak
        return tuple(least + middle for least in self.least)


@dataclass(frozen=True)
class Means:
    """The average of every window of codes, m, taken as a·m + b."""

    codes: Codes
    window: Window
    order: Order
    shape: Shape
    a: Fraction = Fraction(1)
    b: Fraction = Fraction(0)


@dataclass(frozen=True)
class Sums:
    """z = a·n + b of whole numbers n, a and b for each channel: of a layer's signed sums, or of a feature.

    Attributes:
        name: of the node that gives n.
        of: the layer, or the feature.
        a: of each channel.
        b: of each channel.
        order: see above.
        shape: of the map.
        relu: of the file, which stands behind z.
        pooled: the largest of every window was taken, so that no channel may be negated any more.
    """

    name: str
    of: "Layer | Whole"
    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]
    order: Order
    shape: Shape
    relu: "OnnxNode | None" = None
    pooled: bool = False

    @property
    def channels(self) -> NDArray[np.int64]:
        """The row of each place of the tensor."""
        return self.order % self.shape.channels


@dataclass(frozen=True)
class Ended:
    """What stands behind a node that ends a network, as Softmax does: the scores in front of it."""

    scores: "Value"
    by: "OnnxNode"
    order: Order


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


@dataclass(frozen=True)
class Padded:
    """Codes with rows and columns of their lowest value around them, which a convolution or a max-pool takes in.

    `order` has the padded shape, and says nothing else.
    """

    codes: Codes
    pads: tuple[int, int, int, int]
    order: Order
    shape: Shape


Value = Pixels | Codes | Means | Sums
Tensor = Value | Padded | Ended


def common(numbers: list[Fraction]) -> Fraction:
    """The largest number of which all of some numbers above 0 are multiples."""
    below = reduce(lcm, (number.denominator for number in numbers))
    return Fraction(reduce(gcd, (int(number * below) for number in numbers)), below)


def map_order(shape: Shape) -> Order:
    """The order of a map that stands as 1, channels, height, width."""
    places = np.arange(shape.elements, dtype=np.int64).reshape(1, shape.height, shape.width, shape.channels)
    return np.ascontiguousarray(np.moveaxis(places, 3, 1))
