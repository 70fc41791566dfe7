"""The modules of an accelerator, in the order that data meets them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Conv, Dense, MaxPool, Op
from rebnet.ir.values import Code, Shape
from rebnet.spec.window import Window
from rebnet.stages.geometry import Channel, Converter, Mvtu, Stage, WindowUnit

Depths = Mapping[str, int]
"""Words of each buffer, by the name of its channel."""


@dataclass(frozen=True)
class Accelerator:
    """A whole chain: pixels, then the stages, then scores.

    `layers` are the matrix-vector units; `stages` are all modules between `pixel_input` and `scores`: converters,
    windows, pools and the layers, in the order that data meets them.
    """

    samples: int
    samples_per_beat: int
    levels: int
    served: tuple[int, ...]
    layers: tuple[Mvtu, ...]
    stages: tuple[Stage, ...]

    @property
    def beats_in(self) -> int:
        """Input beats of an image."""
        return math.ceil(self.samples / self.samples_per_beat)

    @property
    def beats_out(self) -> int:
        """Output beats of an image, one a class."""
        return self.last.rows

    @property
    def last(self) -> Mvtu:
        """The layer whose sums become scores."""
        return next(layer for layer in self.layers if not layer.levels_out)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The buffers whose depths are chosen, in the order that data meets them."""
        return tuple(channel for stage in self.stages if not isinstance(stage, Converter) for channel in stage.channels)

    def bound_cycles(self, levels: int) -> int:
        """Cycles per image of the slowest part: a layer, the input beats or the output beats."""
        return max(self.beats_in, self.beats_out, *(layer.cycles(levels) for layer in self.layers))


def layer_bound(layers: tuple[Mvtu, ...], served: tuple[int, ...]) -> int:
    """Cycles per image of the slowest layer, at the served level count at which that is least."""
    return min(max(layer.cycles(m) for layer in layers) for m in served)


def codes_of(network: Network, node: Node[Op]) -> Code:
    """The codes that a layer with weights or a pool reads."""
    value = network.read(node)
    assert isinstance(value, Code)
    return value


def reads_pixels(network: Network, node: Node[Op]) -> bool:
    """Whether a node reads the image, of which all planes count at every m."""
    return network.sources(node) == (PIXELS,)


def open_lanes(network: Network, layer: Node[Dense]) -> int:
    """Level lanes of a layer where nobody chose them: all bits of pixels, else one."""
    return network.input.bits if reads_pixels(network, layer) else 1


def layers_of(
    network: Network, foldings: tuple[Folding, ...], weight_styles: tuple[str, ...] | None = None
) -> tuple[Mvtu, ...]:
    """The units of a network at these foldings; open level lanes become all bits in the first layer, else 1.

    Without `weight_styles` the weights are where `rebnet.stages.memories` would have them.
    """
    styles = weight_styles or ("auto",) * len(foldings)
    return tuple(
        mvtu_of(network, layer, folding, style)
        for layer, folding, style in zip(network.layers, foldings, styles, strict=True)
    )


def mvtu_of(network: Network, layer: Node[Dense], folding: Folding, weight_style: str) -> Mvtu:
    """The unit of a layer at a folding."""
    planes = codes_of(network, layer).planes
    last = network.layer_of(network.answers[0])
    return Mvtu(
        name=layer.name,
        rows=layer.op.weights.rows,
        cols=layer.op.weights.columns,
        pe=folding.pe,
        simd=folding.simd,
        level_lanes=folding.level_lanes or open_lanes(network, layer),
        levels_in=planes,
        levels_out=0 if layer is last else network.levels,
        pixels=reads_pixels(network, layer),
        vectors=network.values[layer.name].shape.positions,
        weight_style=weight_style,
    )


def accelerator_of(
    network: Network,
    foldings: tuple[Folding, ...],
    samples_per_beat: int,
    weight_styles: tuple[str, ...] | None = None,
) -> Accelerator:
    """The chain of a network."""
    layers = layers_of(network, foldings, weight_styles)
    pace = layer_bound(layers, network.served)
    units = {layer.name: layer for layer in layers}
    words = {PIXELS: samples_per_beat}  # elements of the words of each value
    stages: list[Stage] = []
    for node in network.nodes:
        (source,) = network.sources(node)
        elements = words[source]
        match node.op:
            case MaxPool(window=window):
                shape, planes, layer = *_map(network, node), network.layer_of(node)
                assert layer is not None
                unit = pool_unit(layer.name, window, shape, planes, pace)
                stages += [*gather(f"{layer.name}_pool_gather", planes, elements, unit.word, shape.channels), unit]
                words[node.name] = unit.word
            case Conv(window=window):
                shape, planes, mvtu = *_map(network, node), units[node.name]
                cycles = min(mvtu.vector_cycles(m) for m in network.served)
                unit = window_unit(mvtu.name, window, shape, planes, cycles, pace)
                vector = shape.elements if mvtu.pixels else shape.channels
                stages += gather(f"{mvtu.name}_gather", planes, elements, unit.word * unit.writes, vector)
                word = unit.word * unit.reads
                stages += [unit, Converter(f"{mvtu.name}_convert", planes, word, mvtu.simd, mvtu.cols), mvtu]
                words[node.name] = mvtu.drain
            case Dense():
                shape, planes, mvtu = *_map(network, node), units[node.name]
                part = dense_word(elements, shape, mvtu.pixels)
                if part != elements:
                    stages.append(Converter(f"{mvtu.name}_gather", planes, elements, part, shape.channels))
                stages += [Converter(f"{mvtu.name}_convert", planes, part, mvtu.simd, mvtu.cols), mvtu]
                words[node.name] = mvtu.drain
            case _:  # thresholds and scores take words as they come
                words[node.name] = elements
    return Accelerator(network.input.samples, samples_per_beat, network.levels, network.served, layers, tuple(stages))


def _map(network: Network, node: Node[Op]) -> tuple[Shape, int]:
    """The map in front of a node, and its planes; before lowering a pool may read what becomes codes behind it."""
    value = network.read(node)
    return value.shape, value.planes if isinstance(value, Code) else network.levels


def dense_word(elements: int, shape: Shape, pixels: bool) -> int:
    """Elements of the words that a dense layer behind a map takes: pixels of a map must not share a word."""
    if shape.channels % elements == 0 or pixels or shape.positions == 1:
        return elements
    return next(d for d in _divisors(shape.channels) if d >= min(elements, shape.channels))


def gather(name: str, planes: int, elements: int, word: int, vector: int) -> list[Stage]:
    """A converter to words of `word` elements, where the words are not such already."""
    if elements == word and vector % word == 0:
        return []
    return [Converter(name, planes, elements, word, vector)]


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def window_unit(name: str, window: Window, shape: Shape, planes: int, cycles: int, pace: int) -> WindowUnit:
    """The narrowest sliding window that reads a vector in at most `cycles` and takes a map within `pace` cycles."""

    def unit(word: int, reads: int, writes: int) -> WindowUnit:
        return WindowUnit(name, window, *shape, planes, False, word, reads, writes)

    for word in _divisors(shape[2]):
        narrow = unit(word, 1, 1)
        if narrow.beats <= cycles and narrow.map_writes <= pace:
            return narrow
    words = window.kernel**2
    reads = next(r for r in range(1, words + 1) if math.ceil(words / r) <= cycles)
    writes = next(w for w in (1, 2, 4, 8, 16, 32, 64) if w == 64 or unit(shape[2], reads, w).map_writes <= pace)
    return unit(shape[2], reads, writes)


def pool_unit(name: str, window: Window, shape: Shape, planes: int, pace: int) -> WindowUnit:
    """The narrowest max-pool that reads and takes a map within `pace` cycles."""
    units = pool_units(name, window, shape, planes)
    return next(unit for unit in units if max(unit.read_cycles, unit.map_writes) <= pace or unit == units[-1])


def pool_units(name: str, window: Window, shape: Shape, planes: int) -> list[WindowUnit]:
    """Every max-pool that there is to choose from, the narrowest first."""
    choices = [*((word, 1) for word in _divisors(shape[2])), *((shape[2], r) for r in range(2, window.kernel**2 + 1))]
    return [WindowUnit(name, window, *shape, planes, True, word, reads) for word, reads in choices]
