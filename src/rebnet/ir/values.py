"""What flows between the operations of a network: each value has a type, computed by the operation that gives it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from rebnet.errors import VerifyError
from rebnet.ir.bounds import window_fault
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window


class Shape(NamedTuple):
    """A map of elements: height, width, channels, which vary fastest; a vector is a map of height and width 1."""

    height: int
    width: int
    channels: int

    @property
    def elements(self) -> int:
        """Elements of the map."""
        return self.height * self.width * self.channels

    @property
    def positions(self) -> int:
        """Places of the map, each with all its channels."""
        return self.height * self.width

    @property
    def scores(self) -> tuple[int, ...]:
        """Shape of scores on this map: (classes,) of one place, (height, width, classes) of more."""
        return (self.channels,) if self.positions == 1 else tuple(self)

    def upsampled(self, factors: Factors) -> "Shape":
        """The map whose rows and places stand so many times."""
        return Shape(self.height * factors.rows, self.width * factors.columns, self.channels)

    def spread(self, block: int) -> "Shape":
        """The map of which each place's channels became a block of places; channels are a multiple of block²."""
        return Shape(self.height * block, self.width * block, self.channels // block**2)

    def windowed(self, window: Window, channels: int | None = None) -> "Shape":
        """The map of what a window gives at each of its places; its channels are kept where none are named."""
        return Shape(*window.output(self.height, self.width), self.channels if channels is None else channels)

    def __str__(self) -> str:
        return f"{self.height}x{self.width}x{self.channels}"


@dataclass(frozen=True)
class LevelCounts:
    """M, and the level counts m that a network runs at: what every operation's rule may ask of its network."""

    levels: int
    served: tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """Residual codes: `planes` bits an element, the most significant first.

    Attributes:
        shape: of the map.
        planes: bits of an element.
        used: planes that count at each served m; all of them in a pixel.
        units: real value of one unit of the codes: one for all served m, or one for each; None where the operation
            that gives them does not know it (a layer that reads them does).
        gains: g_1 … of each served m, 0 above level m; None likewise.
    """

    shape: Shape
    planes: int
    used: tuple[int, ...]
    units: tuple[float, ...] | None = None
    gains: tuple[tuple[int, ...], ...] | None = None

    def at(self, index: int) -> tuple[float, tuple[int, ...]]:
        """Unit and gains at the served level count of that index."""
        assert self.units is not None
        assert self.gains is not None
        return self.units[index if len(self.units) > 1 else 0], self.gains[index]


@dataclass(frozen=True)
class Real:
    """Real numbers."""

    shape: Shape


@dataclass(frozen=True)
class Integer:
    """Accumulators A, or scores: whole numbers within proved bounds.

    Attributes:
        shape: of the map.
        low: least of all, per served m.
        high: largest of all, per served m.
        units: of an accumulator, the real value of one unit of v = 2A - R, one for all served m or one for each.
    """

    shape: Shape
    low: tuple[int, ...]
    high: tuple[int, ...]
    units: tuple[float, ...] = ()


@dataclass(frozen=True)
class Feature:
    """Whole numbers on a grid: z stands for z·unit, within bounds that the operations in front prove.

    Attributes:
        shape: of the map.
        unit: real value of one.
        low: least of all, per served m; empty as long as the accumulators in front have no gains.
        high: largest of all, likewise.
    """

    shape: Shape
    unit: Fraction
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()


Value = Code | Real | Integer | Feature


def shifts_to_finest(features: Sequence[Feature]) -> tuple[int, ...]:
    """Places by which each is shifted so that all count the finest unit of them.

    Raises:
        VerifyError: two units differ by something else than a power of two.
    """
    finest = min(feature.unit for feature in features)
    shifts = []
    for feature in features:
        times = feature.unit / finest
        shift = times.numerator.bit_length() - 1
        if times != 1 << shift:
            raise VerifyError(
                f"reads features in units of {feature.unit} and of {finest}; where values meet, their units must "
                "differ by a power of two: pool both, or with windows of 1, 2, 4 … elements"
            )
        shifts.append(shift)
    return tuple(shifts)


def pooled(value: Value, window: Window) -> Value:
    """`value` behind a max-pool: its type is kept."""
    return replace(value, shape=value.shape.windowed(window))


def check_window(window: Window, shape: Shape) -> None:
    """Raise `VerifyError` where a window has no size or does not fit the map in front of it."""
    fault = window_fault(window)
    if fault is not None:
        raise VerifyError(f"window {window}; {fault}")
    if not window.fits(shape.height, shape.width):
        raise VerifyError(f"window {window} does not fit the {shape.height}x{shape.width} map in front of it")


def check_sums(window: Window, shape: Shape) -> None:
    """Raise `VerifyError` where a sum pool's window does not fit the map in front of it, or pads it."""
    check_window(window, shape)
    if window.padded:
        raise VerifyError(f"window {window}; a sum is not padded: pool without padding")
