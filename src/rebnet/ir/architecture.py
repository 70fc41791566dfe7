"""A network as a text says it: the image, and layers, pools and blocks of branches in order."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

from rebnet.errors import NotationError
from rebnet.ir.moves import DepthToSpaceText, MovedText, UpsampleText
from rebnet.ir.values import Shape
from rebnet.spec.window import Window, short
from rebnet.spec.xnor import odd_gains

PLAIN = Window(3, 1)
"""A convolution's window, where the text gives none."""
MAX_LEVELS = 8
"""Most levels a network can have: super-increasing gains of more do not fit one byte."""

MAX_WEIGHT_PLANES = 8
"""Most planes that weights can have."""
MAX_WEIGHT_GAIN = 255
"""Most that a plane of weights can count."""

Meet = Literal["+", "&", "<"]


@dataclass(frozen=True)
class Folding:
    """Parallelism of one layer: outputs (PE), inputs (SIMD), levels (LEVEL_LANES) and planes of weights per cycle.

    `level_lanes` is None where the text leaves it open: all bits in the first layer, else 1. `plane_lanes` is None
    where it is open: 1.
    """

    pe: int
    simd: int
    level_lanes: int | None = None
    plane_lanes: int | None = None

    def __str__(self) -> str:
        lanes = "" if self.level_lanes is None else f",{self.level_lanes}"
        planes = "" if self.plane_lanes is None else f",{self.plane_lanes}"
        return f"({self.pe},{self.simd}{lanes}{planes})"


_WEIGHTS = re.compile(r"([wr])([0-9]{1,9})|t")


@dataclass(frozen=True)
class Weights:
    """What the weights of a layer are: planes of ±1, and what each counts.

    Attributes:
        kind: "w" k-bit odd integers, "t" ternary ones, "r" residual planes, whose factors are trained.
        planes: how many planes; 1 is the rule.
    """

    kind: Literal["w", "t", "r"] = "w"
    planes: int = 1

    @classmethod
    def of(cls, gains: tuple[int, ...]) -> "Weights":
        """Those of planes that count so much."""
        known = [cls("w", len(gains)), cls("t", 2)]
        return next((one for one in known if one.gains == gains), cls("r", len(gains)))

    @classmethod
    def read(cls, text: str) -> "Weights | None":
        """The weights that a text names: w1 to w8, t, r2 to r8; None where it names none."""
        found = _WEIGHTS.fullmatch(text)
        if found is None or text == "t":
            return cls("t", 2) if found else None
        kind: Literal["w", "r"] = "w" if found[1] == "w" else "r"
        planes = int(found[2])
        return cls(kind, planes) if (1 if kind == "w" else 2) <= planes <= MAX_WEIGHT_PLANES else None

    @property
    def gains(self) -> tuple[int, ...] | None:
        """h_1 … of the planes; None of residual ones."""
        return {"w": odd_gains(self.planes), "t": (1, 1), "r": None}[self.kind]

    def __str__(self) -> str:
        if self.kind == "t":
            return "t"
        return "" if self == ONE_BIT else f"{self.kind}{self.planes}"


ONE_BIT = Weights()
"""Weights of 1 bit, ±1."""


@dataclass(frozen=True)
class DenseText:
    """One dense layer of a network text: `rows` outputs, what its weights are and, if given, its folding."""

    rows: int
    folding: Folding | None = None
    weights: Weights = ONE_BIT

    groups: ClassVar[int] = 1

    def __str__(self) -> str:
        return f"D{self.rows}{self.weights}{self.folding or ''}"


@dataclass(frozen=True)
class ConvText:
    """One convolution of a network text: output channels, window, groups, weights and, if given, its folding."""

    rows: int
    folding: Folding | None = None
    window: Window = PLAIN
    groups: int = 1
    weights: Weights = ONE_BIT

    def __str__(self) -> str:
        groups = "" if self.groups == 1 else f"%{self.groups}"
        return f"C{self.rows}{self.weights}{groups}{self.folding or ''}{_window_text(self.window)}"


@dataclass(frozen=True)
class DepthwiseText:
    """One depthwise convolution of a network text: `multiplier` outputs of every channel in front of it."""

    multiplier: int = 1
    folding: Folding | None = None
    window: Window = PLAIN

    def on(self, channels: int) -> ConvText:
        """The convolution that it is where so many channels stand in front of it."""
        return ConvText(channels * self.multiplier, self.folding, self.window, channels)

    def __str__(self) -> str:
        times = "" if self.multiplier == 1 else self.multiplier
        return f"DW{times}{self.folding or ''}{_window_text(self.window)}"


@dataclass(frozen=True)
class PoolText:
    """One max-pool of a network text, on the channels of the convolution before it, or on a feature."""

    window: Window

    def __str__(self) -> str:
        return f"MP{_pool_size(self.window)}"


@dataclass(frozen=True)
class AverageText:
    """One average pool of a network text, of the whole map where it has no window."""

    window: Window | None = None

    def __str__(self) -> str:
        return "GAP" if self.window is None else f"AP{_pool_size(self.window)}"


@dataclass(frozen=True)
class TwoSlopeText:
    """PReLU of a network text; RPReLU where it has shifts."""

    shifts: bool

    def __str__(self) -> str:
        return "RPReLU" if self.shifts else "PReLU"


WeightedText = DenseText | ConvText | DepthwiseText
LayerText = DenseText | ConvText | DepthwiseText | PoolText | AverageText | TwoSlopeText | MovedText


@dataclass(frozen=True)
class Block:
    """Branches that read one value and meet again, `times` times in a row.

    Attributes:
        branches: chains of items; an empty one is the identity.
        meet: "+" adds what the branches give, "&" joins its channels, "<" adds what the second gives to the last part
            of the join in front, which is the first.
        times: how often the block stands.
    """

    branches: "tuple[tuple[LayerText | Block, ...], ...]"
    meet: Meet
    times: int = 1

    def __str__(self) -> str:
        inner = " | ".join(chain_text(branch) for branch in self.branches)
        text = re.sub(" +", " ", f"{{ {inner} }}{self.meet}")
        return text if self.times == 1 else f"{self.times}{text}"


Item = LayerText | Block


def _window_text(window: Window) -> str:
    return "" if window == PLAIN else f":{window}"


def _pool_size(window: Window) -> str:
    rows, columns = window.kernel
    plain = window.stride == window.kernel and (rows != columns or rows == 2)
    stride = "" if plain else f"/{short(window.stride)}"
    return f"{short(window.kernel)}{stride}{window.padding_text}"


def chain_text(items: Sequence[Item]) -> str:
    """Items in the notation."""
    return " - ".join(map(str, items))


class Place(NamedTuple):
    """A layer or pool where it stands: the map in front of it and the one that it gives.

    A depthwise convolution is a `ConvText` here.
    """

    layer: LayerText
    front: Shape
    behind: Shape

    @property
    def inputs(self) -> int:
        """Inputs of one output: the columns of the weight matrix."""
        if isinstance(self.layer, ConvText):
            return self.layer.window.area * self.front.channels // self.layer.groups
        return self.front.elements

    @property
    def weights(self) -> int:
        """Weights of the layer in bits, 0 of a pool."""
        if not isinstance(self.layer, DenseText | ConvText):
            return 0
        return self.layer.rows * self.inputs * self.layer.weights.planes


def behind(layer: LayerText, shape: Shape) -> Shape:
    """The map that a layer gives of one in front of it."""
    layer = layer.on(shape.channels) if isinstance(layer, DepthwiseText) else layer
    match layer:
        case DenseText():
            return Shape(1, 1, layer.rows)
        case ConvText():
            return shape.windowed(layer.window, layer.rows)
        case PoolText():
            return shape.windowed(layer.window)
        case AverageText(window=window):
            return Shape(1, 1, shape.channels) if window is None else shape.windowed(window)
        case TwoSlopeText():
            return shape
        case UpsampleText() | DepthToSpaceText():
            return layer.behind(shape)


def met(meet: Meet, ends: Sequence[Shape]) -> Shape:
    """The map of branches that meet."""
    return ends[0] if meet != "&" else ends[0]._replace(channels=sum(end.channels for end in ends))


@dataclass(frozen=True)
class Architecture:
    """A network as text says it: the image's shape and the items in order.

    What stands in a block counts as often as the block stands.
    """

    height: int
    width: int
    channels: int
    items: tuple[Item, ...]

    @property
    def image(self) -> Shape:
        """The shape of the image."""
        return Shape(self.height, self.width, self.channels)

    @property
    def samples(self) -> int:
        """Samples (pixels times channels) in one image."""
        return self.image.elements

    @property
    def classes(self) -> int:
        """Outputs of the last layer; of a convolution, at each place."""
        return self.answer.channels

    @property
    def answer(self) -> Shape:
        """The map of scores; 1 x 1 x classes of a dense layer."""
        return self.shapes[-1]

    @property
    def is_chain(self) -> bool:
        """Whether every layer reads the one before it, and nothing is a feature."""
        return not any(isinstance(item, Block | AverageText | TwoSlopeText) for item in self.items)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every layer and pool in order, a block's branches one after the other."""
        places: list[Place] = []
        _walk(self.items, self.image, places)
        return tuple(places)

    @property
    def layers(self) -> tuple[LayerText, ...]:
        """The layers and pools of `places`."""
        return tuple(place.layer for place in self.places)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape in front of each layer, and behind the last; dense layers give 1 x 1 x outputs."""
        places = self.places
        return (*(place.front for place in places), places[-1].behind if places else self.image)

    @property
    def weighted(self) -> tuple[DenseText | ConvText, ...]:
        """The layers that have weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, DenseText | ConvText))

    def inputs_of(self, index: int) -> int:
        """Inputs of one output of layer `index`, counted from 0: the columns of its weight matrix."""
        return self.places[index].inputs

    def with_weights(
        self, every: Weights | None = None, first: Weights | None = None, last: Weights | None = None
    ) -> "Architecture":
        """The same network with these weights in every layer, in the first and in the last; None leaves what is there.

        Weights that the text gives a layer stay: only those of 1 bit are replaced.
        """
        count = sum(isinstance(layer, WeightedText) for layer in inside(self.items))
        ends = {0: first, count - 1: last}
        if count == 1:
            ends = {0: first or last}
        wanted = (ends.get(index) or every for index in range(count))

        def changed(layer: WeightedText) -> LayerText:
            new = next(wanted)
            if new is None or new == ONE_BIT:
                return layer
            if isinstance(layer, DepthwiseText) or layer.groups > 1:
                raise NotationError(f"layer {layer}: is in groups, where weights have 1 bit; leave it its own")
            return layer if layer.weights != ONE_BIT else replace(layer, weights=new)

        return replace(self, items=mapped(self.items, changed))

    def without_folding(self) -> "Architecture":
        """The same network with every (PE,SIMD) left open."""
        return replace(self, items=mapped(self.items, _without_folding))

    def __str__(self) -> str:
        return f"{self.image} - {chain_text(self.items)}"


def mapped(items: Sequence[Item], change: Callable[[WeightedText], LayerText]) -> tuple[Item, ...]:
    """The items with `change` made of every layer with weights."""

    def one(item: Item) -> Item:
        if isinstance(item, Block):
            return replace(item, branches=tuple(mapped(branch, change) for branch in item.branches))
        return change(item) if isinstance(item, WeightedText) else item

    return tuple(map(one, items))


def inside(items: Sequence[Item]) -> Iterator[LayerText]:
    """The layers and pools that the items hold, each once."""
    for item in items:
        if isinstance(item, Block):
            for branch in item.branches:
                yield from inside(branch)
        else:
            yield item


def _without_folding(layer: WeightedText) -> LayerText:
    return replace(layer, folding=None)


def _walk(items: Sequence[Item], shape: Shape, places: list[Place]) -> Shape:
    for item in items:
        if isinstance(item, Block):
            for _ in range(item.times):
                shape = met(item.meet, [_walk(branch, shape, places) for branch in item.branches])
        else:
            layer = item.on(shape.channels) if isinstance(item, DepthwiseText) else item
            places.append(Place(layer, shape, behind(layer, shape)))
            shape = places[-1].behind
    return shape
