"""What follows from the parameters of the hardware modules: counts, widths and latencies.

One place for numbers that the RTL derives in its own language: the cycle model and the generator read
them here, and the module benches hold them against the RTL.
"""

import math
from dataclasses import dataclass

from rebnet.ir.notation import Folding
from rebnet.ir.ops import Network

LEAF = 16
"""Bits that the first stage of a popcount counts."""
SCORES_LATENCY = 4
"""Cycles from an accumulator's arrival to its score at the output of `scores`."""
SCORES_DEPTH = 8
"""Places in the output FIFO of `scores`."""
PIXEL_DEPTH = 2
"""Places in the register slice of `pixel_input`."""


def popcount_stages(width: int, leaf: int = LEAF) -> int:
    """Pipeline stages of a popcount: 1 + ceil(log4(ceil(width/leaf)))."""
    stages, counts = 1, math.ceil(width / leaf)
    while counts > 1:
        stages, counts = stages + 1, math.ceil(counts / 4)
    return stages


def clog2(value: int) -> int:
    """Bits that tell `value` things apart, as SystemVerilog's $clog2."""
    return (value - 1).bit_length()


@dataclass(frozen=True)
class Mvtu:
    """One matrix-vector-threshold unit: its parameters, and what the module derives from them.

    `levels_out` is 0 for the last layer; `pixels` says that all input planes count at every m.
    """

    name: str
    rows: int
    cols: int
    pe: int
    simd: int
    level_lanes: int
    levels_in: int
    levels_out: int
    pixels: bool

    @property
    def chunks(self) -> int:
        """Words of SIMD inputs in a vector."""
        return math.ceil(self.cols / self.simd)

    @property
    def folds(self) -> int:
        """Passes over the rows, PE at a time."""
        return math.ceil(self.rows / self.pe)

    @property
    def groups_max(self) -> int:
        """Groups of level lanes when all input planes count."""
        return math.ceil(self.levels_in / self.level_lanes)

    def groups(self, levels: int) -> int:
        """Groups of level lanes of an image that runs at `levels`."""
        return self.groups_max if self.pixels else math.ceil(levels / self.level_lanes)

    def cycles(self, levels: int) -> int:
        """Cycles per vector at `levels`."""
        return self.folds * self.groups(levels) * self.chunks

    @property
    def drain(self) -> int:
        """Rows drained a cycle: the smallest divisor of PE that empties the PEs within a pass."""
        return next(d for d in range(1, self.pe + 1) if self.pe % d == 0 and self.pe // d <= self.chunks)

    @property
    def drain_words(self) -> int:
        """Cycles that draining the PEs takes."""
        return self.pe // self.drain

    @property
    def last_words(self) -> int:
        """Drained words of the last fold that hold rows of the layer; the others are dropped."""
        return math.ceil((self.rows - (self.folds - 1) * self.pe) / self.drain)

    @property
    def out_words(self) -> int:
        """Words of one output vector."""
        return (self.folds - 1) * self.drain_words + self.last_words

    @property
    def popcount_stages(self) -> int:
        """Pipeline stages of each popcount."""
        return popcount_stages(self.simd)

    @property
    def latency(self) -> int:
        """Cycles from issuing a fold's last word to seeing its first result at the output."""
        return self.popcount_stages + self.levels_out + 8

    @property
    def replays(self) -> bool:
        """True if a vector is read more than once."""
        return self.folds > 1 or self.groups_max > 1

    @property
    def min_buffer_depth(self) -> int:
        """Fewest words the input buffer must hold for the layer to work at all."""
        return self.chunks if self.replays else 1

    @property
    def full_buffer_depth(self) -> int:
        """Words of the input buffer with which the layer in front never has to wait for this one's folds."""
        return 2 * self.chunks + 2

    @property
    def min_out_depth(self) -> int:
        """Fewest words the output FIFO must hold for the layer to work at all."""
        return self.drain_words

    @property
    def full_out_depth(self) -> int:
        """Words of the output FIFO with which reserving places never makes the layer wait for itself."""
        in_flight = math.ceil((self.latency + self.drain_words) / self.chunks)
        return self.drain_words * (in_flight + 2) + 2


@dataclass(frozen=True)
class Converter:
    """One width converter: `vector` elements from words of `words_in` to words of `words_out` elements."""

    elements_in: int
    elements_out: int
    vector: int

    @property
    def unit(self) -> int:
        """Elements that always travel together."""
        return math.gcd(self.elements_in, self.elements_out)

    @property
    def in_units(self) -> int:
        """Units in an input word."""
        return self.elements_in // self.unit

    @property
    def out_units(self) -> int:
        """Units in an output word."""
        return self.elements_out // self.unit

    @property
    def ready_units(self) -> int:
        """The converter takes a word while it holds fewer units.

        That is as many as keep both sides moving. A vector's last word that crosses the end of an output word makes
        two of it at once, and the next vector must come in while both are there.
        """
        last_position = (self.in_words - 1) * self.in_units % self.out_units
        if self.in_units < self.out_units and last_position + self.last_units > self.out_units:
            return 2 * self.out_units + 1
        return self.out_units + min(self.in_units, self.out_units)

    @property
    def in_words(self) -> int:
        """Input words of a vector."""
        return math.ceil(self.vector / self.elements_in)

    @property
    def last_units(self) -> int:
        """Units of a vector's last input word that hold elements of it."""
        return math.ceil((self.vector - (self.in_words - 1) * self.elements_in) / self.unit)


@dataclass(frozen=True)
class Depths:
    """Words of each layer's input buffer and output FIFO."""

    buffers: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Accelerator:
    """A whole chain: pixels, then per layer a width converter and a unit, then scores."""

    samples: int
    samples_per_beat: int
    levels: int
    served: tuple[int, ...]
    layers: tuple[Mvtu, ...]

    @property
    def beats_in(self) -> int:
        """Input beats of an image."""
        return math.ceil(self.samples / self.samples_per_beat)

    @property
    def beats_out(self) -> int:
        """Output beats of an image, one a class."""
        return self.layers[-1].rows

    @property
    def converters(self) -> tuple[Converter, ...]:
        """The width converter in front of each layer."""
        widths = (self.samples_per_beat, *(layer.drain for layer in self.layers[:-1]))
        return tuple(Converter(width, to.simd, to.cols) for width, to in zip(widths, self.layers, strict=True))

    def bound_cycles(self, levels: int) -> int:
        """Cycles per image of the slowest part: a layer, the input beats or the output beats."""
        return max(self.beats_in, self.beats_out, *(layer.cycles(levels) for layer in self.layers))

    @property
    def layer_bound(self) -> int:
        """Cycles per image of the slowest layer at the served level count at which it is fastest."""
        return min(max(layer.cycles(m) for layer in self.layers) for m in self.served)


def layers_of(network: Network, foldings: tuple[Folding, ...]) -> tuple[Mvtu, ...]:
    """The units of a network at these foldings; open level lanes become all bits in the first layer, else 1."""
    layers = []
    for index, (dense, folding) in enumerate(zip(network.dense, foldings, strict=True)):
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
            )
        )
    return tuple(layers)


def accelerator_of(network: Network, foldings: tuple[Folding, ...], samples_per_beat: int) -> Accelerator:
    """The chain of a network."""
    samples, levels, served = network.input.samples, network.levels, network.served
    return Accelerator(samples, samples_per_beat, levels, served, layers_of(network, foldings))
