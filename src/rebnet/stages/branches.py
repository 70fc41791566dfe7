"""Places of networks with branches: nodes that make features, pool, add or join them, and what stands in front of each.

Words that meet are cut alike first. A unit takes as narrow words as keep the pace, those that arrive already if it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np

from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import MaxPool, Op, Threshold
from rebnet.ir.values import Code, Feature, Value, shifts_to_finest
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window
from rebnet.stages.converter import Converter
from rebnet.stages.depth_to_space import DepthToSpaceUnit
from rebnet.stages.features import EncoderUnit, GlobalSum, JoinUnit, RescaleUnit
from rebnet.stages.numbers import clog2, divisors
from rebnet.stages.ranges import Range
from rebnet.stages.thresholds import Constants, constants_of
from rebnet.stages.two_slope import TwoSlopeUnit
from rebnet.stages.upsample import UpsampleUnit
from rebnet.stages.window import WindowUnit, pool_units

Front = Converter[int]
MovingUnit = UpsampleUnit | DepthToSpaceUnit
BranchUnit = RescaleUnit | TwoSlopeUnit | EncoderUnit | JoinUnit | GlobalSum | MovingUnit | WindowUnit


@dataclass(frozen=True)
class Meeting:
    """Which words meet: the narrowest that keep the pace, of those that arrive if they will do.

    Attributes:
        enough: elements of the words that keep the pace, rising.
    """

    enough: tuple[int, ...]

    def lanes(self, words: Sequence[int]) -> int:
        """Elements of the words that meet, where words of so many arrive from the sources."""
        return min((word for word in words if word in self.enough), default=self.enough[0])

    def arrived(self, lanes: int, word: int, before: int = 0) -> int | None:
        """The same, asked source by source: what has arrived, where words of `lanes` elements shall meet.

        Returns:
            0 where none that arrived keeps the pace, 1 where only wider ones do, 2 where those of `lanes` came; None
            where narrower ones will meet. Wider lanes than the narrowest meet only if they come: there 0 is 1.
        """
        if word in self.enough and word < lanes:
            return None
        own = 0 if word not in self.enough else 1 + (word == lanes)
        return max(before, own, int(lanes > self.enough[0]))


@dataclass(frozen=True, eq=False)
class Branch:
    """Where a node of a network with branches stands that has no weights.

    Attributes:
        network: that it is of, lowered.
        node: the node.
        ranges: of the network's features.
        level_width: bits of a level count.
    """

    network: Network
    node: Node[Op]
    ranges: Mapping[str, Range]
    level_width: int

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes that the place computes."""
        return (self.node.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the values that it reads."""
        return self.network.sources(self.node)

    @property
    def read(self) -> list[Value]:
        """The types of these values."""
        return [self.network.values[source] for source in self.sources]

    def units(self, words: Sequence[int], pace: int) -> tuple[list[tuple[Front, ...]], BranchUnit]:
        """The converters in front, of each source, and the unit, where words of so many elements arrive.

        Args:
            words: elements of the words of each source.
            pace: cycles per image of the slowest layer at the served level count at which that is least.
        """
        unit: BranchUnit
        match self.node.op:
            case Rescale() as op:
                unit = self._rescale(op, words[0])
            case TwoSlope() as op:
                unit = self._two_slope(op, words[0])
            case Threshold() as op:
                unit = self._encoder(op, words[0])
            case MaxPool(window=window) | SumPool(window=Window() as window):
                unit = self._pool(window, pace)
            case SumPool():
                unit = self._global_sum(words[0], pace)
            case Upsample(factors=factors):
                unit = self._upsample(factors, words[0], pace)
            case DepthToSpace(block=block):
                unit = self._depth_to_space(block, words[0], pace)
            case _:
                unit = self.join(self.meeting(pace).lanes(words))
        if isinstance(unit, RescaleUnit | TwoSlopeUnit | EncoderUnit):
            return [()], unit  # which take any words
        taken = unit.word if isinstance(unit, WindowUnit) else unit.in_elements
        return [self.front(number, word, taken) for number, word in enumerate(words)], unit

    def paces(self) -> set[int]:
        """Paces at which its units may change."""
        match self.node.op:
            case MaxPool(window=window) | SumPool(window=Window() as window):
                return {max(unit.read_cycles, unit.map_writes) for unit in self._pools(window)}
            case Upsample(factors=factors):
                times, channels = factors.rows * factors.columns, self.read[0].shape.channels
                return {times * self._words(channels, word) for word in divisors(channels)}
            case DepthToSpace(block=block):
                shape = self.read[0].shape.spread(block)
                return {shape.positions * word for word in divisors(shape.channels)}
            case SumPool() | Add() | Join() | Stack():
                cut = self._cut
                return {self._words(sum(cut), word) for word in divisors(gcd(*cut))}
        return set()

    def meeting(self, pace: int) -> "Meeting":
        """How words of all sources become words of one width."""
        channels, grain = sum(self._cut), self._grain
        legal = [grain * parts for parts in divisors(gcd(*self._cut) // grain)]
        return Meeting(tuple(word for word in legal if self._words(channels, word) <= pace) or tuple(legal[-1:]))

    @property
    def _grain(self) -> int:
        """Channels that stay together, as they become one."""
        return self.node.op.block**2 if isinstance(self.node.op, DepthToSpace) else 1

    @property
    def _cut(self) -> list[int]:
        """Channels that are cut alike: of every source where they are joined, else of one, and all have as many."""
        channels = [value.shape.channels for value in self.read]
        return channels if isinstance(self.node.op, Join) else channels[:1]

    def front(self, number: int, elements: int, word: int) -> tuple[Front, ...]:
        """A converter in front of a source, where its words are not such already."""
        channels = self.read[number].shape.channels
        if elements == word and channels % word == 0:
            return ()
        name = f"{self.node.name}_gather" + (f"_{number}" if len(self.sources) > 1 else "")
        return (Converter(name, self._planes(number), elements, word, channels, self.level_width),)

    def _planes(self, number: int) -> int:
        value = self.read[number]
        return value.planes if isinstance(value, Code) else self.ranges[self.sources[number]].bits

    def _words(self, channels: int, elements: int) -> int:
        """Words of an image's map in front."""
        return self.read[0].shape.positions * ceil(channels / elements)

    def _rescale(self, op: Rescale, lanes: int) -> RescaleUnit:
        shape, layer = self.read[0].shape, self.network.layer_of(self.node)
        assert layer is not None
        reaches = layer.op.reaches
        constants, _ = rescale_constants(op, reaches, self.ranges[self.node.name].offset)
        return RescaleUnit(
            self.node.name,
            shape.channels,
            lanes,
            self._words(shape.channels, lanes),
            len(constants),
            self.level_width,
            clog2(max(reaches) + 1),
            self.ranges[self.node.name].bits,
            op.shift,
            min(signed_bits(constants), op.shift + self.ranges[self.node.name].bits),
        )

    def _two_slope(self, op: TwoSlope, lanes: int) -> TwoSlopeUnit:
        channels, come = self.read[0].shape.channels, self.ranges[self.sources[0]]
        sums = np.concatenate([come.offset + op.before, come.offset + come.span + op.before])
        return TwoSlopeUnit(
            self.node.name,
            channels,
            lanes,
            self._words(channels, lanes),
            self.level_width,
            self._planes(0),
            self.ranges[self.node.name].bits,
            signed_bits(sums),
            signed_bits(op.slope),
            op.shift,
        )

    def _encoder(self, op: Threshold, lanes: int) -> EncoderUnit:
        shape, constants = self.read[0].shape, encoder_constants(self.network, self.node, self.ranges)
        threshold = constants.threshold
        return EncoderUnit(
            self.node.name,
            shape.channels,
            lanes,
            self._words(shape.channels, lanes),
            len(self.network.served),
            self.level_width,
            self._planes(0),
            self.network.levels,
            constants.bits,
            op.shift,
            is_uniform(threshold),
            op.tree,
        )

    def _pool(self, window: Window, pace: int) -> WindowUnit:
        units = self._pools(window)
        return next(unit for unit in units if max(unit.read_cycles, unit.map_writes) <= pace or unit == units[-1])

    def _pools(self, window: Window) -> list[WindowUnit]:
        own = self.ranges[self.node.name].bits if isinstance(self.node.op, SumPool) else 0
        return pool_units(self.node.name, window, self.read[0].shape, self._planes(0), self.level_width, own)

    def _global_sum(self, word: int, pace: int) -> GlobalSum:
        shape = self.read[0].shape
        lanes = self.meeting(pace).lanes([word])
        planes = self._planes(0), self.ranges[self.node.name].bits
        return GlobalSum(self.node.name, shape.positions, shape.channels, lanes, *planes, self.level_width)

    def _upsample(self, factors: Factors, word: int, pace: int) -> UpsampleUnit:
        shape, times = self.read[0].shape, factors.rows * factors.columns
        lanes = self.meeting(pace // times).lanes([word])
        return UpsampleUnit(
            self.node.name,
            factors,
            shape.height,
            shape.width,
            shape.channels // lanes,
            lanes,
            self._planes(0),
            self.level_width,
            len(self.network.served),
        )

    def _depth_to_space(self, block: int, word: int, pace: int) -> DepthToSpaceUnit:
        shape, area = self.read[0].shape, block**2
        elements = self.meeting(pace // area).lanes([word])
        return DepthToSpaceUnit(
            self.node.name,
            block,
            shape.height,
            shape.width,
            shape.channels // elements,
            elements // area,
            self._planes(0),
            self.level_width,
            len(self.network.served),
        )

    def join(self, lanes: int) -> JoinUnit:
        """The unit in which words of `lanes` elements meet."""
        values, op = self.read, self.node.op
        channels = [value.shape.channels for value in values]
        planes = tuple(self._planes(number) for number in range(len(values)))
        value = self.network.values[self.node.name]
        out = value.planes if isinstance(value, Code) else self.ranges[self.node.name].bits
        offsets = (0,) * len(values)
        pads = [(0, 0)] * len(values)
        match op:
            case Add():
                shifts = shifts_to_finest([one for one in values if isinstance(one, Feature)])
                widest = max(own + k for own, k in zip(planes, shifts, strict=True))
                pads = [(widest - own - k, k) for own, k in zip(planes, shifts, strict=True)]
            case Join() if isinstance(value, Feature):
                own_offset = self.ranges[self.node.name].offset
                offsets = tuple(self.ranges[source].offset - own_offset for source in self.sources)
                pads = [(out - own, 0) for own in planes]
        kind = {Add: "join_add", Stack: "stack"}.get(type(op), "join_channels")
        turn = tuple(ceil(own / lanes) for own in channels)
        counts = tuple(self._words(own, lanes) for own in channels)
        return JoinUnit(kind, self.node.name, lanes, planes, tuple(pads), out, counts, turn, offsets, self.level_width)


def rescale_constants(op: Rescale, reaches: tuple[int, ...], offset: int) -> tuple[np.ndarray, np.ndarray]:
    """What a rescale adds to 2·A_c·A, and A_c, both (sets, rows): one set where all level counts share it."""
    reach = np.asarray(reaches, dtype=np.int64)[:, None]
    constants, scale = op.bias - op.scale * reach - (offset << op.shift), op.scale
    if (constants == constants[:1]).all() and (scale == scale[:1]).all():
        return constants[:1], scale[:1]
    return constants, scale


def signed_bits(numbers: np.ndarray) -> int:
    """Bits of signed numbers."""
    return 1 + max(clog2(int(numbers.max(initial=0)) + 1), clog2(-int(numbers.min(initial=0))))


def encoder_constants(network: Network, node: Node[Op], ranges: Mapping[str, Range]) -> Constants:
    """The constants of an encoder of features, which counts them as they travel."""
    (source,) = network.sources(node)
    op, own = node.op, ranges[source]
    assert isinstance(op, Threshold)
    moved = Threshold(op.thresholds - (own.offset << op.shift), op.steps, op.shift, op.tree)
    return constants_of(moved, network.served, (own.span,) * len(network.served), network.threshold_bits)


def is_uniform(threshold: Threshold) -> bool:
    """Whether all rows have the same constants."""
    t, steps = threshold.thresholds, threshold.steps
    return bool((t == t[:, :1]).all() and (steps == steps[:, :1]).all())
