"""Units of networks with branches: what makes features, adds, joins and pools them, and what branches begin with.

All of them take a word a cycle. What leaves has its place in an output FIFO promised when it is begun.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from rebnet.spec.residual import steps_of
from rebnet.spec.scores import SCALE_BITS
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.memories import Rom, ram_style, rom_style
from rebnet.stages.module import Module, Parameters, quoted
from rebnet.stages.timing import Timing

RESCALE = Timing(4, 8)
"""With constants in tables, as that of an encoder."""
JOIN = Timing(2, 4)
"""Of `join_add` and `join_channels`."""
STACK = Timing(1, 2)
GLOBAL_SUM = Timing(2, 4)
SKIP = Timing(2, 4)
"""Of `skip_buffer`, from reading a word."""


def encoder_timing(levels: int) -> Timing:
    """Of `feature_encoder`."""
    return Timing(levels + 2, levels + 4)


class NodeUnit:
    """A unit that computes a node, has its name, and gives words of as many elements as it takes, or says others."""

    name: str
    lanes: int
    buffers: ClassVar[tuple[Buffer, ...]] = ()

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return self.name

    @property
    def in_elements(self) -> int:
        """Elements of the words that come."""
        return self.lanes

    @property
    def out_elements(self) -> int:
        """Elements of the words that leave."""
        return self.lanes


class _Stream:
    """A unit whose words leave as they came."""

    elements: int
    bits: int

    def at(self, elements: int) -> Self:
        """The same for words of so many elements."""
        return type(self)(**(vars(self) | {"elements": elements, "bits": self.bits // self.elements * elements}))

    @property
    def out_elements(self) -> int:
        """Elements of the words that leave."""
        return self.elements

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.bits


@dataclass(frozen=True)
class RescaleUnit(NodeUnit):
    """`rescale`: accumulators to features.

    Attributes:
        name: of the node, and of the instance.
        rows: channels.
        lanes: elements of a word.
        words: of an image.
        sets: sets of constants.
        level_width: bits of a level count.
        acc_width: bits of an accumulator.
        planes: bits of a feature.
        shift: s.
        constant_width: bits of the constant that is added.
    """

    name: str
    rows: int
    lanes: int
    words: int
    sets: int
    level_width: int
    acc_width: int
    planes: int
    shift: int
    constant_width: int

    @property
    def rom(self) -> Rom:
        """The memory of constants."""
        width, depth = self.lanes * (SCALE_BITS + self.constant_width), self.sets * -(-self.rows // self.lanes)
        return Rom(width, depth, rom_style(width, depth))

    @property
    def timing(self) -> Timing:
        """Latency, and places of the output."""
        return RESCALE.behind(self.rom)

    @property
    def cycles(self) -> int:
        """In which an image's words are taken."""
        return self.words

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters, its memory image left out."""
        parameters = {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "SETS": self.sets,
            "LEVEL_WIDTH": self.level_width,
            "ACC_WIDTH": self.acc_width,
            "PLANES": self.planes,
            "SHIFT": self.shift,
            "CONSTANT_WIDTH": self.constant_width,
            "STYLE": quoted(self.rom.style),
            **self.rom.banks(),
        }
        return Module("rescale", parameters, self.name)


@dataclass(frozen=True)
class EncoderUnit(NodeUnit):
    """`feature_encoder`: features to residual codes; attributes as in `RescaleUnit`.

    Attributes:
        uniform: one set of constants is that of all channels.
        step_tree: a row has a step behind every code so far.
    """

    name: str
    rows: int
    lanes: int
    words: int
    sets: int
    level_width: int
    planes: int
    levels: int
    threshold_width: int
    threshold_shift: int
    uniform: bool
    step_tree: bool = False

    @property
    def timing(self) -> Timing:
        """Latency, and places of the output."""
        return encoder_timing(self.levels).behind(self.rom)

    @property
    def rom(self) -> Rom:
        """The memory of thresholds and steps."""
        lanes, words = (1, 1) if self.uniform else (self.lanes, -(-self.rows // self.lanes))
        width = lanes * (1 + steps_of(self.levels, self.step_tree)) * self.threshold_width
        return Rom(width, self.sets * words, rom_style(width, self.sets * words))

    @property
    def cycles(self) -> int:
        """In which an image's words are taken."""
        return self.words

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.levels

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters, its memory image left out."""
        parameters = {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "PLANES": self.planes,
            "LEVELS": self.levels,
            "SETS": self.sets,
            "LEVEL_WIDTH": self.level_width,
            "THRESHOLD_WIDTH": self.threshold_width,
            "SHIFT": self.threshold_shift,
            "UNIFORM": int(self.uniform),
            **({"STEP_TREE": 1} if self.step_tree else {}),
            "STYLE": quoted(self.rom.style),
            **self.rom.banks(),
        }
        return Module("feature_encoder", parameters, self.name)


@dataclass(frozen=True)
class Fork(_Stream):
    """`stream_fork`: a word that several units read, in the cycle in which each has a place for it."""

    name: str
    outs: int
    elements: int
    bits: int
    level_width: int

    buffers: ClassVar[tuple[Buffer, ...]] = ()

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return f"{self.name}_fork"

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        parameters = {"OUTS": self.outs, "WIDTH": self.bits, "LEVEL_WIDTH": self.level_width}
        return Module("stream_fork", parameters, self.instance)


@dataclass(frozen=True)
class Skip(_Stream):
    """`skip_buffer`: what one branch waits in, behind a fork; `number` is that of the fork's output."""

    name: str
    number: int
    elements: int
    bits: int
    level_width: int
    sets: int

    timing: ClassVar[Timing] = SKIP

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return f"{self.name}_branch_{self.number}"

    @property
    def words(self) -> Buffer:
        """The buffer; with one word it passes one every other cycle, and a memory of two takes no more."""
        return Buffer(self.instance, self.bits, 1, fewest=2)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The one whose depth is chosen."""
        return (self.words,)

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        depth = depths[self.words.name]
        parameters = {
            "WIDTH": self.bits,
            "DEPTH": depth,
            "SETS": self.sets,
            "LEVEL_WIDTH": self.level_width,
            "STYLE": quoted(ram_style(self.bits + (self.level_width if self.sets > 1 else 0), depth)),
        }
        return Module("skip_buffer", parameters, self.instance)


@dataclass(frozen=True)
class JoinUnit(NodeUnit):
    """Words of several sources become one: `join_add`, `stack`, or one behind the other in `join_channels`.

    Attributes:
        kind: name of the module.
        name: of the node, and of the instance.
        lanes: elements of a word.
        planes: of each source.
        pads: planes of 0 above and below the planes of each source: what widens it and what shifts it.
        planes_out: of what leaves.
        words: of an image, of each source.
        turn: words of each source one after another, of `join_channels`.
        offsets: added to the elements of each source, of `join_channels`.
        level_width: bits of a level count.
    """

    kind: str
    name: str
    lanes: int
    planes: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    planes_out: int
    words: tuple[int, ...]
    turn: tuple[int, ...]
    offsets: tuple[int, ...]
    level_width: int

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes_out

    @property
    def timing(self) -> Timing:
        """Latency, and places of the output."""
        return STACK if self.kind == "stack" else JOIN

    @property
    def turns(self) -> bool:
        """Whether the sources take turns, in place of giving a word each at a time."""
        return self.kind == "join_channels"

    @property
    def cycles(self) -> int:
        """In which an image's words are taken."""
        return sum(self.words) if self.turns else self.words[0]

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        parameters: Parameters = {"SOURCES": len(self.planes), "LANES": self.lanes, "LEVEL_WIDTH": self.level_width}
        widest = max(own + sum(pad) for own, pad in zip(self.planes, self.pads, strict=True))
        match self.kind:
            case "join_add":
                parameters |= {"PLANES": widest, "PLANES_OUT": self.planes_out}
            case "stack":
                parameters = {"SOURCES": len(self.planes), "WIDTH": self.out_bits, "LEVEL_WIDTH": self.level_width}
            case _:
                parameters |= {
                    "PLANES": self.planes_out,
                    "WORDS": packed(self.turn, 16),
                    "OFFSETS": packed(self.offsets, self.planes_out),
                }
        return Module(self.kind, parameters, self.name)


@dataclass(frozen=True)
class GlobalSum(NodeUnit):
    """`global_sum`: the sum of a whole map, channel by channel."""

    name: str
    positions: int
    channels: int
    lanes: int
    planes: int
    planes_out: int
    level_width: int

    timing: ClassVar[Timing] = GLOBAL_SUM

    @property
    def pixel_words(self) -> int:
        """Words of a pixel."""
        return self.channels // self.lanes

    @property
    def cycles(self) -> int:
        """In which an image's words are taken."""
        return self.positions * self.pixel_words

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes_out

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        parameters = {
            "POSITIONS": self.positions,
            "CHANNELS": self.channels,
            "LANES": self.lanes,
            "PLANES": self.planes,
            "PLANES_OUT": self.planes_out,
            "LEVEL_WIDTH": self.level_width,
        }
        return Module("global_sum", parameters, self.name)


def packed(numbers: tuple[int, ...], width: int) -> str:
    """Numbers as one constant, the first lowest."""
    value = sum(number << (place * width) for place, number in enumerate(numbers))
    return f"{width * len(numbers)}'h{value:x}"
