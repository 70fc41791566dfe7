"""The modules of an accelerator, in the order that data meets them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.ir.notation import Folding
from rebnet.ir.ops import Conv, Dense, MaxPool, Network
from rebnet.rtl.geometry import Channel, Converter, Mvtu, Stage, WindowUnit
from rebnet.spec.window import Window

Depths = Mapping[str, int]
"""Words of each buffer, by the name of its channel."""
Shape = tuple[int, int, int]


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
        return self.layers[-1].rows

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


def map_shapes(network: Network) -> tuple[Shape, ...]:
    """Height, width and channels of the map in front of each dense layer, convolution and pool, in their order."""
    shapes = []
    shape = (network.input.height, network.input.width, network.input.channels)
    for op in network.ops:
        if not isinstance(op, Dense | MaxPool):
            continue
        shapes.append(shape)
        match op:
            case Conv():
                shape = (*op.window.output(*shape[:2]), op.weights.rows)
            case Dense():
                shape = (1, 1, op.weights.rows)
            case MaxPool():
                shape = (*op.window.output(*shape[:2]), shape[2])
    return tuple(shapes)


def vectors_of(network: Network) -> tuple[int, ...]:
    """Vectors of an image that each layer with weights takes: one, or one per position of its window."""
    ops = [op for op in network.ops if isinstance(op, Dense | MaxPool)]
    placed = [(op, shape) for op, shape in zip(ops, map_shapes(network), strict=True) if isinstance(op, Dense)]
    return tuple(math.prod(op.window.output(*shape[:2])) if isinstance(op, Conv) else 1 for op, shape in placed)


def layers_of(
    network: Network, foldings: tuple[Folding, ...], weight_styles: tuple[str, ...] | None = None
) -> tuple[Mvtu, ...]:
    """The units of a network at these foldings; open level lanes become all bits in the first layer, else 1.

    Without `weight_styles` the weights are where `rebnet.rtl.memories` would have them.
    """
    styles = weight_styles or ("auto",) * len(foldings)
    layers = []
    for index, (dense, vectors, folding) in enumerate(zip(network.dense, vectors_of(network), foldings, strict=True)):
        levels_in = network.levels if index else network.input.bits
        lanes = folding.level_lanes or (1 if index else levels_in)
        layers.append(
            Mvtu(
                name=dense.name,
                rows=dense.weights.rows,
                cols=dense.weights.columns,
                pe=folding.pe,
                simd=folding.simd,
                level_lanes=lanes,
                levels_in=levels_in,
                levels_out=0 if index == len(foldings) - 1 else network.levels,
                pixels=index == 0,
                vectors=vectors,
                weight_style=styles[index],
            )
        )
    return tuple(layers)


def accelerator_of(
    network: Network,
    foldings: tuple[Folding, ...],
    samples_per_beat: int,
    weight_styles: tuple[str, ...] | None = None,
) -> Accelerator:
    """The chain of a network."""
    layers = layers_of(network, foldings, weight_styles)
    pace = layer_bound(layers, network.served)
    ops = [op for op in network.ops if isinstance(op, Dense | MaxPool)]
    following = iter(layers)
    stages: list[Stage] = []
    elements = samples_per_beat  # of the words that the modules so far put out
    planes = network.input.bits
    layer: Mvtu | None = None
    for op, shape in zip(ops, map_shapes(network), strict=True):
        match op:
            case MaxPool():
                assert layer is not None
                unit = pool_unit(layer.name, op.window, shape, planes, pace)
                stages += [*gather(f"{layer.name}_pool_gather", planes, elements, unit.word, shape[2]), unit]
                elements = unit.word
            case Conv():
                layer = next(following)
                cycles = min(layer.vector_cycles(m) for m in network.served)
                unit = window_unit(layer.name, op.window, shape, planes, cycles, pace)
                pixels = math.prod(shape) if layer.pixels else shape[2]
                stages += gather(f"{layer.name}_gather", planes, elements, unit.word * unit.writes, pixels)
                stages.append(unit)
                stages.append(
                    Converter(f"{layer.name}_convert", planes, unit.word * unit.reads, layer.simd, layer.cols)
                )
                stages.append(layer)
                elements = layer.drain
            case Dense():
                layer = next(following)
                part = dense_word(elements, shape, layer.pixels)
                if part != elements:
                    stages.append(Converter(f"{layer.name}_gather", planes, elements, part, shape[2]))
                    elements = part
                stages += [Converter(f"{layer.name}_convert", planes, elements, layer.simd, layer.cols), layer]
                elements = layer.drain
        planes = network.levels
    return Accelerator(network.input.samples, samples_per_beat, network.levels, network.served, layers, tuple(stages))


def dense_word(elements: int, shape: Shape, pixels: bool) -> int:
    """Elements of the words that a dense layer behind a map takes: pixels of a map must not share a word."""
    if shape[2] % elements == 0 or pixels or shape[:2] == (1, 1):
        return elements
    return next(d for d in _divisors(shape[2]) if d >= min(elements, shape[2]))


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
