"""What an accelerator is composed of, step by step: the same for a build and for the search of foldings.

The words that arrive and the pace decide what units stand in front of a layer or a pool; a layer's folding decides the
rest. A build follows one accelerator through the places of its network, the search all of them at a time.

Which unit computes which nodes of the network stands here, and only here: `Place.nodes`. A streaming accelerator has
a unit of its own for every layer with weights and for every pool; thresholds are in the unit in front of them.
"""

from dataclasses import dataclass

from rebnet.ir.features import Rescale
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Affine, BatchNorm, Conv, Dense, MaxPool, Op, ResidualSign, Threshold
from rebnet.ir.ops import Scores as ScoresOp
from rebnet.ir.values import Code, Feature, Shape
from rebnet.spec.scores import score_bits
from rebnet.spec.window import Window
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.branches import Branch, BranchUnit
from rebnet.stages.converter import Converter
from rebnet.stages.ends import Pixels, Scores
from rebnet.stages.features import Fork, Skip
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import Count, clog2, divisors
from rebnet.stages.ranges import ranges_of
from rebnet.stages.thresholds import layer_constants
from rebnet.stages.window import WindowUnit, grouped_unit, pool_unit, pool_units, window_unit

Stage = Converter[int] | WindowUnit | Mvtu | BranchUnit | Fork | Skip
"""A unit between the ends of an accelerator."""


@dataclass(frozen=True)
class Place:
    """Where a layer with weights or a pool stands, and all that its units depend on beside words, folding and pace.

    Attributes:
        nodes: of the network that the place computes: the layer or the pool, and the thresholds behind it.
        source: name of the value that it reads.
        name: of the layer, which for a pool is the one in front.
        shape: of the map in front.
        planes: bit planes of its elements.
        window: of a convolution or a pool.
        layer: the layer's unit with one lane; None for a pool.
        level_width: bits of a level count.
    """

    nodes: tuple[str, ...]
    source: str
    name: str
    shape: Shape
    planes: int
    window: Window | None
    layer: Mvtu | None
    level_width: int

    def front(self, elements: int, cycles: int, pace: int, sides: int = 1) -> tuple[Stage, ...]:
        """The units that words of `elements` elements meet in front of a layer's converter, and of a pool the pool.

        Args:
            elements: of the words that arrive.
            cycles: per vector of the layer, at the served level count at which these are fewest.
            pace: cycles per image of the slowest layer, likewise.
            sides: groups of a convolution that stand side by side in its vectors.
        """
        channels = self.shape.channels
        if self.layer is None:
            assert self.window is not None
            pool = pool_unit(self.name, self.window, self.shape, self.planes, pace, self.level_width)
            return *self._gather("pool_gather", elements, pool.word, channels), pool
        if self.window is None:
            word = self._dense_word(elements)
            return () if word == elements else (self._converter("gather", elements, word, channels),)
        map_in_front = self.name, self.window, self.shape, self.planes
        if self.layer.parts > 1:
            unit = grouped_unit(*map_in_front, cycles, sides, self.layer.parts, self.level_width)
        else:
            unit = window_unit(*map_in_front, cycles, pace, self.level_width)
        vector = self.shape.elements if self.layer.pixels else channels
        return *self._gather("gather", elements, unit.word * unit.writes, vector), unit

    def word(self, elements: int, front: tuple[Stage, ...]) -> int:
        """Elements of the words behind the units in front, where words of `elements` arrive."""
        match front:
            case (*_, WindowUnit() as unit):
                return unit.out_elements
            case (Converter(elements_out=word),):
                return word
        return elements

    def paces(self) -> set[int]:
        """Paces at which its units may change."""
        window, shape = self.window, self.shape
        if window is None or (self.layer is not None and self.layer.parts > 1):
            return set()
        if self.layer is None:
            return {max(unit.read_cycles, unit.map_writes) for unit in pool_units("", window, shape, 1)}
        units = [WindowUnit("", window, *shape, 1, False, word) for word in divisors(shape.channels)]
        units += [WindowUnit("", window, *shape, 1, False, shape.channels, 1, 2**power) for power in range(7)]
        return {unit.map_writes for unit in units}

    def to_layer(self, word: int, layer: Mvtu) -> tuple[Converter[int], ...]:
        """The converter in front of a layer; an unrolled one needs none where a word is a vector."""
        if layer.unrolled and word == layer.cols:
            return ()
        return (self.to_simd(word, layer.simd, layer.sides),)

    def to_simd(self, word: int, simd: Count, sides: int = 1) -> Converter[Count]:
        """The converter from words of `word` elements to a layer's own; groups side by side are planes to it."""
        assert self.layer is not None
        name = f"{self.name}_convert"
        return Converter(name, self.planes * sides, word, simd, self.layer.cols, self.level_width)

    def folded(self, folding: Folding, weight_style: str = "auto") -> Mvtu:
        """The layer's unit at a folding; open level lanes become all bits of pixels, else 1, as lanes of planes do."""
        assert self.layer is not None
        lanes = folding.level_lanes or (self.planes if self.layer.pixels else 1)
        chosen = {"pe": folding.pe, "simd": folding.simd, "level_lanes": lanes, "weight_style": weight_style}
        chosen["plane_lanes"] = folding.plane_lanes or 1
        return Mvtu(**(vars(self.layer) | chosen))

    def _gather(self, name: str, elements: int, word: int, vector: int) -> tuple[Stage, ...]:
        """A converter to words of `word` elements, where the words are not such already."""
        if elements == word and vector % word == 0:
            return ()
        return (self._converter(name, elements, word, vector),)

    def _converter(self, name: str, elements: int, word: int, vector: int) -> Converter[int]:
        return Converter(f"{self.name}_{name}", self.planes, elements, word, vector, self.level_width)

    def _dense_word(self, elements: int) -> int:
        """Elements of the words that a dense layer behind a map takes: pixels of a map must not share a word."""
        assert self.layer is not None
        channels = self.shape.channels
        if channels % elements == 0 or self.layer.pixels or self.shape.positions == 1:
            return elements
        return next(d for d in divisors(channels) if d >= min(elements, channels))


def places_of(network: Network) -> tuple[Place | Branch, ...]:
    """The places of a network, in the order that data meets them."""
    owners: dict[str, list[str]] = {}
    found: list[tuple[Node[Op], list[str]]] = []
    for node in network.nodes:
        source = network.sources(node)[0]
        behind = isinstance(node.op, BatchNorm | Affine | ResidualSign | Threshold)
        if behind and not isinstance(network.values[source], Feature):  # in the unit of the layer in front
            owners[source].append(node.name)
            owners[node.name] = owners[source]
        elif not isinstance(node.op, ScoresOp):
            found.append((node, [node.name]))
            owners[node.name] = found[-1][1]
    ranges = ranges_of(network)
    return tuple(
        _place(network, node, tuple(nodes))
        if isinstance(node.op, Dense) or (isinstance(node.op, MaxPool) and not _pools_features(network, node))
        else Branch(network, node, ranges, level_width_of(network))
        for node, nodes in found
    )


def widest(network: Network) -> tuple[int, str]:
    """Cycles per image of the slowest window, pool or join where all are as wide as can be, and its name; 0 of none."""
    slowest = (0, "")
    for place in places_of(network):
        slowest = max(slowest, (min(place.paces(), default=0), place.nodes[0]))
    return slowest


def _pools_features(network: Network, node: Node[Op]) -> bool:
    return isinstance(network.read(node), Feature)


def _place(network: Network, node: Node[Op], nodes: tuple[str, ...]) -> Place:
    value, (source,), level_width = network.read(node), network.sources(node), level_width_of(network)
    planes = value.planes if isinstance(value, Code) else network.levels  # a pool may stand before its codes are made
    match node.op:
        case MaxPool(window=window):
            layer = network.layer_of(node)
            name = node.name if layer is None else layer.name
            return Place(nodes, source, name, value.shape, planes, window, None, level_width)
        case Dense():
            tail, answering = network.users[node.name][0].op, network.layer_of(network.answers[0])
            unit = Mvtu(
                name=node.name,
                rows=node.op.weights.rows,
                cols=node.op.weights.columns,
                pe=1,
                simd=1,
                level_lanes=1,
                levels_in=planes,
                levels_out=0 if isinstance(tail, Rescale) or node is answering else network.levels,
                pixels=source == PIXELS,
                vectors=network.values[node.name].shape.positions,
                arithmetic=arithmetic_of(network, node.name, node.op),
                every_plane=isinstance(value, Code) and value.used != network.served,
                weight_planes=len(node.op.weights.gains),
                even_planes=len(set(node.op.weights.gains)) == 1,
                parts=node.op.group_count,
                map_positions=value.shape.positions if node.op.group_count > 1 else 0,
            )
            own = node.op.window if isinstance(node.op, Conv) else None
            return Place(nodes, source, node.name, value.shape, planes, own, unit, level_width)
    raise TypeError(node.op)


def level_width_of(network: Network) -> int:
    """Bits of a level count."""
    return clog2(network.levels + 1)


def arithmetic_of(network: Network, name: str, op: Dense) -> Arithmetic | None:
    """What the unit of a layer computes with; None before lowering."""
    if op.gains is None:
        return None
    planes = op.weights.gains
    gains, sums = clog2(max(map(max, op.gains)) * max(planes) + 1), clog2(max(op.reaches) + 1)
    constants = layer_constants(network, name)
    level_width = level_width_of(network)
    if constants is None:
        return Arithmetic(level_width, op.gains, gains, sums, 1, network.threshold_bits, weight_gains=planes)
    threshold = constants.threshold
    return Arithmetic(
        level_width, op.gains, gains, sums, constants.sets, constants.bits, threshold.shift, threshold.tree, planes
    )


def pixels_of(network: Network, samples_per_beat: int) -> Pixels:
    """The unit of a network's image."""
    image, level_width = network.input, level_width_of(network)
    sets = len(network.served)
    return Pixels(image.samples, samples_per_beat, image.bits, network.levels, level_width, sets, image.table)


def scores_of(network: Network, last: Mvtu, lanes: int) -> Scores:
    """The unit of a network's scores behind its last layer, which drains `lanes` rows a cycle."""
    acc_width = last.arithmetic.acc_width if last.arithmetic else 0
    score_width = score_bits(network.threshold_bits)
    levels = len(network.served), level_width_of(network)
    at_once = last.unrolled and last.vectors == 1
    return Scores(last.rows, lanes, *levels, acc_width, score_width, last.vectors, at_once)
