"""A network in the making: what each of its nodes will be, with rows that may still be turned around."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from rebnet.importing.values import Codes, Order, Part, Sums, Tensor, map_order
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool
from rebnet.ir.network import PIXELS
from rebnet.ir.ops import BitMatrix, Conv, Dense, MaxPool
from rebnet.ir.values import Shape
from rebnet.spec.window import Window


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
        source: a part of the codes that it reads, and how often the part counts in them.
        reads: the map that it reads.
    """

    name: str
    bits: NDArray[np.bool_]
    gains: tuple[int, ...]
    window: Window | None
    groups: int
    reach: int
    source: tuple[str, int]
    reads: Shape

    @property
    def low(self) -> list[int]:
        """The least sum of each row."""
        return [-self.reach] * self.bits.shape[1]

    @property
    def high(self) -> list[int]:
        """The largest sum of each row."""
        return [self.reach] * self.bits.shape[1]

    @property
    def turns(self) -> bool:
        """Whether rows may be negated."""
        return True

    def flip(self, row: int) -> None:
        """Negate a row."""
        self.bits[:, row] = ~self.bits[:, row]

    def made(self) -> Dense:
        """The operation."""
        weights = BitMatrix.pack(self.bits, self.gains)
        if self.window is None:
            return Dense(weights, 1.0)
        return Conv(weights, 1.0, window=self.window, groups=self.groups)


@dataclass
class Whole:
    """A feature: whole numbers n that count a unit, channel by channel within bounds.

    Attributes:
        name: of the node.
        unit: what 1 of n is for the operation that gives it: 1/area of sums of a window, 2^-F.
        low: the least of each channel.
        high: the largest of each channel.
        shared: several nodes read it, so that no channel may be negated.
    """

    name: str
    unit: Fraction
    low: list[int]
    high: list[int]
    shared: bool = field(default=False, kw_only=True)

    @property
    def turns(self) -> bool:
        """Whether channels may be negated."""
        return not self.shared

    def flip(self, row: int) -> None:
        """Negate a channel."""
        self.low[row], self.high[row] = -self.high[row], -self.low[row]


@dataclass
class Rescaled(Whole):
    """A layer's sums, each row times a whole number."""

    layer: Layer
    scale: list[int]
    pooled: bool

    @property
    def turns(self) -> bool:
        """Behind a pool the largest must stay the largest."""
        return not self.shared and not self.pooled

    def flip(self, row: int) -> None:
        """Negate a row's number."""
        super().flip(row)
        self.scale[row] = -self.scale[row]

    def made(self, times: int) -> Rescale:
        """The operation; its numbers count `times` as much."""
        scale = np.asarray(self.scale, dtype=np.int64) * times
        return Rescale(scale, np.zeros_like(scale), 0, self.unit.denominator.bit_length() - 1)


@dataclass
class Made(Whole):
    """What an operation makes of features, each channel of the channels of the same place, or joined."""

    op: Add | SumPool | Join
    sources: tuple[Whole, ...]

    @property
    def turns(self) -> bool:
        """All of its sources must."""
        return not self.shared and all(source.turns for source in self.sources)

    def flip(self, row: int) -> None:
        """Negate a channel in all that it is made of."""
        super().flip(row)
        if not isinstance(self.op, Join):
            for source in self.sources:
                source.flip(row)
            return
        for source in self.sources:
            if row < len(source.low):
                source.flip(row)
                return
            row -= len(source.low)


@dataclass(frozen=True)
class Boundaries:
    """Codes in a draft: for each row the least n of each code from 1 on, and one more than the largest n is never."""

    bits: int
    firsts: tuple[tuple[int, ...], ...]
    of: Layer | Whole


Item = Layer | Rescaled | Made | Boundaries | MaxPool | DepthToSpace | Stack | Join


@dataclass
class Draft:
    """The network so far: its nodes, how many bits and which table the image has, and how codes relate.

    Of codes that are stacked or joined, one's unit is so many of the other's: `tied` says of each what it is tied to,
    and how often it counts that.
    """

    nodes: list[tuple[str, Item, tuple[str, ...]]] = field(default_factory=list)
    bits: int = 8
    table: tuple[int, ...] | None = None
    layers: int = 0
    seen: bool = False
    tied: dict[str, tuple[str, Fraction]] = field(default_factory=dict)

    def sees(self, bits: int, table: tuple[int, ...] | None) -> bool:
        """Take the image as these codes; whether it is not taken as others already."""
        if self.seen:
            return (self.bits, self.table) == (bits, table)
        self.seen, self.bits, self.table = True, bits, table
        return True

    def free(self, name: str) -> str:
        """`name`, with a number where it is taken."""
        taken, number, found = {one for one, _, _ in self.nodes}, 1, name
        while found in taken:
            number += 1
            found = f"{name}_{number}"
        return found

    def put(self, name: str, item: Item, sources: Sequence[str]) -> str:
        """A node; its name."""
        self.nodes.append((name, item, tuple(sources)))
        return name

    def needed(self, last: str) -> list[tuple[str, Item, tuple[str, ...]]]:
        """The nodes that give a value, and what they read."""
        read, found = {last}, []
        for node in reversed(self.nodes):
            if node[0] in read:
                read |= set(node[2])
                found.append(node)
        return found[::-1]

    def shared(self, tensor: Tensor) -> Tensor:
        """A tensor that several nodes read: sums become a feature, whose channels keep their signs."""
        if not isinstance(tensor, Sums):
            return tensor
        made = self.feature(tensor)
        assert isinstance(made.of, Whole)
        made.of.shared = True
        return made

    def root(self, name: str) -> tuple[str, Fraction]:
        """What codes are tied to in the end, and how often they count that."""
        above, ratio = self.tied.get(name, (name, Fraction(1)))
        if above == name:
            return name, ratio
        found, more = self.root(above)
        return found, ratio * more

    def tie(self, first: str, second: str, ratio: Fraction) -> bool:
        """Let the first codes' unit be `ratio` of the second's; whether it may be, with what was said before."""
        if PIXELS in (first, second):
            return False
        (root, times), (other, others) = self.root(first), self.root(second)
        if root == other:
            return times == ratio * others
        self.tied[root] = (other, ratio * others / times)
        return True

    def multiples(self) -> dict[str, int]:
        """What 1 of each node's codes counts, in the least whole numbers."""
        roots: dict[str, dict[str, Fraction]] = {}
        for name, _, _ in self.nodes:
            root, ratio = self.root(name)
            roots.setdefault(root, {})[name] = ratio
        found = {PIXELS: 1}
        for ratios in roots.values():
            below = lcm(*(ratio.denominator for ratio in ratios.values()))
            whole = {name: int(ratio * below) for name, ratio in ratios.items()}
            most = gcd(*whole.values())
            found |= {name: number // most for name, number in whole.items()}
        return found

    def stacked(self, codes: Codes) -> str:
        """The node of a sum of codes, whose units are tied already."""
        names = tuple(part.name for part in codes.parts)
        if len(names) == 1:
            return names[0]
        for name, item, sources in self.nodes:
            if isinstance(item, Stack) and sources == names:
                return name
        return self.put(self.free(f"{names[0]}_stack"), Stack(), names)

    def plain(self, codes: Codes, window: Window) -> Sums:
        """The sums of every window and channel of codes: a convolution of each channel with weights of +1."""
        channels, area = codes.shape.channels, window.area
        self.layers += 1
        name, bits = f"layer_{self.layers}", np.ones((1, channels, area), dtype=np.bool_)
        source = (codes.parts[0].name, codes.times[0])
        layer = Layer(name, bits, (1,), window, channels, area * codes.peak, source, codes.shape)
        self.put(name, layer, (self.stacked(codes),))
        shape = codes.shape.windowed(window)
        order = codes.order if window == ONE else map_order(shape)
        return Sums(name, layer, (codes.scale,) * channels, tuple(area * one for one in codes.offsets), order, shape)

    def coded(self, sums: Sums, bits: int, firsts: Sequence[Sequence[int]]) -> str:
        """The node of codes of sums by the least n of each code."""
        name = self.free(f"{sums.of.name if isinstance(sums.of, Layer) else sums.name}_codes")
        return self.put(name, Boundaries(bits, tuple(map(tuple, firsts)), sums.of), (sums.name,))

    def merged(self, codes: Codes, times: int = 1, bits: int | None = None) -> Codes:
        """The codes as those of one node, `times`·n of which is the u."""
        sums = self.plain(codes, ONE)
        firsts = [2 * -(-code // times) - codes.peak for code in range(1, times * codes.peak + 1)]
        bits = (times * codes.peak).bit_length() if bits is None else bits
        name = self.coded(sums, bits, [firsts] * codes.shape.channels)
        return replace(codes, parts=(Part(name, bits, codes.grid / times),), before=None)

    def rescaled(self, sums: Sums, scale: Sequence[int], fraction_bits: int = 0) -> Rescaled:
        """A layer's sums as a feature."""
        layer = sums.of
        assert isinstance(layer, Layer)
        unit = Fraction(1, 1 << fraction_bits)
        most = [abs(one) * layer.reach for one in scale]
        name = self.free(f"{sums.name}_rescale")
        made = Rescaled(name, unit, [-one for one in most], most, layer, list(scale), sums.pooled)
        self.put(name, made, (sums.name,))
        return made

    def feature(self, sums: Sums) -> Sums:
        """The same numbers as a feature, which several nodes may read."""
        if isinstance(sums.of, Whole):
            return sums
        made = self.rescaled(sums, [1] * len(sums.a))
        return replace(sums, name=made.name, of=made, pooled=False)


ONE = Window((1, 1), (1, 1))


def concatenated(orders: Sequence[Order], shapes: Sequence[Shape], axis: int) -> tuple[Order, Shape]:
    """The order and the shape of maps whose channels stand one behind the other."""
    shape = shapes[0]._replace(channels=sum(one.channels for one in shapes))
    moved, start = [], 0
    for order, one in zip(orders, shapes, strict=True):
        places, channels = np.divmod(order, one.channels)
        moved.append(places * shape.channels + channels + start)
        start += one.channels
    return np.concatenate(moved, axis=axis), shape
