"""What follows from the parameters of the hardware modules: counts, widths and latencies.

One place for numbers that the RTL derives in its own language: the cycle model and the generator read
them here, and the module benches hold them against the RTL.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.window import Window
from rebnet.stages.memories import rom_column, rom_style

SCORES_LATENCY = 4
"""Cycles from an accumulator's arrival to its score at the output of `scores`."""
SCORES_DEPTH = 8
"""Places in the output FIFO of `scores`."""
PIXEL_DEPTH = 2
"""Places in the register slice of `pixel_input`."""
WINDOW_DEPTH = 4
"""Places in the output FIFO of `sliding_window` and of `max_pool`."""
WINDOW_LATENCY = 2
"""Cycles from reading a word to seeing it at the output of `sliding_window`."""
POOL_LATENCY = 3
"""Cycles from reading a window's last pixels to seeing the result at the output of `max_pool`."""
WINDOW_IMAGES = 4
"""Images that may stand in a line buffer at a time."""


def popcount_stages(width: int) -> int:
    """Pipeline stages of a popcount: leaves of four lanes, then two levels of adders a stage but for an odd last."""
    return 1 + clog2(math.ceil(width / 4)) // 2


def clog2(value: int) -> int:
    """Bits that tell `value` things apart, as SystemVerilog's $clog2."""
    return (value - 1).bit_length()


@dataclass(frozen=True)
class Channel:
    """A buffer whose depth is chosen: its name, and the fewest words with which it works at all.

    Depths are multiples of `unit`.
    """

    name: str
    least: int
    unit: int = 1


@dataclass(frozen=True)
class Mvtu:
    """One matrix-vector-threshold unit: its parameters, and what the module derives from them.

    `levels_out` is 0 for the last layer; `pixels` says that all input planes count at every m; `vectors` are those of
    an image, one per position of a convolution's window. `weight_style`: the weights are in block RAM ("block"), in
    LUTs ("distributed"), or where `rebnet.stages.memories` would have them ("auto").
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
    vectors: int = 1
    weight_style: str = "auto"

    @property
    def channels(self) -> tuple[Channel, Channel]:
        """The input buffer and the output FIFO."""
        return Channel(f"{self.name}.input", self.min_buffer_depth), Channel(f"{self.name}.output", self.min_out_depth)

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
        """Cycles per image at `levels`."""
        return self.vectors * self.vector_cycles(levels)

    def vector_cycles(self, levels: int) -> int:
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
    def multiplies(self) -> bool:
        """True if the unit has multipliers for gains: not for a gain of 1, nor for pixels, whose lanes are shifted."""
        return self.levels_in > 1 and not (self.pixels and self.groups_max == 1)

    @property
    def tail(self) -> int:
        """Cycles from draining a sum to its accumulator: picking, gains, adding lanes, adding groups."""
        return 1 + self.multiplies + (clog2(self.level_lanes) + 1) // 2 + (self.groups_max > 1)

    @property
    def latency(self) -> int:
        """Cycles from issuing a fold's last word to seeing its first result at the output."""
        return self.weight_stages + self.popcount_stages + self.tail + self.levels_out + 4

    @property
    def weights_in(self) -> str:
        """Where the weights are, "block" or "distributed"."""
        if self.weight_style != "auto":
            return self.weight_style
        return rom_style(self.pe * self.simd, self.folds * self.chunks)

    @property
    def weight_stages(self) -> int:
        """Registers between the weight memory and the elements: block RAM answers late in its cycle."""
        return int(self.weights_in == "block")

    @property
    def weight_column(self) -> int:
        """Bits of a column of the weight memory; a word's where it is one memory."""
        word = self.pe * self.simd
        return rom_column(word, self.folds * self.chunks) if self.weights_in == "block" else word

    @property
    def replays(self) -> bool:
        """True if a vector is read more than once."""
        return self.folds > 1 or self.groups_max > 1

    @property
    def min_buffer_depth(self) -> int:
        """Fewest words the input buffer must hold for the layer to work at all."""
        return self.chunks if self.replays else 1

    @property
    def min_out_depth(self) -> int:
        """Fewest words the output FIFO must hold for the layer to work at all."""
        return self.drain_words


@dataclass(frozen=True)
class Converter:
    """One width converter: vectors of `vector` elements, from words of `elements_in` to words of `elements_out`."""

    name: str
    planes: int
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

    @property
    def out_words(self) -> int:
        """Output words of a vector."""
        return math.ceil(self.vector / self.elements_out)


@dataclass(frozen=True)
class WindowUnit:
    """One `sliding_window`, or one `max_pool`: windows over the maps that stream through a line buffer.

    Attributes:
        name: of the layer that it stands in front of, or for a pool behind.
        window: kernel, stride and padding.
        height: of the map.
        width: of the map.
        channels_in: elements of a pixel.
        planes: bit planes of an element.
        pool: True for a max-pool.
        word: elements of a word; divides `channels_in`.
        reads: words read per cycle.
        writes: words that come in at a time.
    """

    name: str
    window: Window
    height: int
    width: int
    channels_in: int
    planes: int
    pool: bool
    word: int
    reads: int = 1
    writes: int = 1

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return f"{self.name}_{'pool' if self.pool else 'window'}"

    @property
    def channels(self) -> tuple[Channel]:
        """The line buffer."""
        name = f"{self.name}.{'pool' if self.pool else 'window'}"
        return (Channel(name, self.min_depth, self.writes),)

    @property
    def out_shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return self.window.output(self.height, self.width)

    @property
    def pad(self) -> tuple[int, int]:
        """Rows above and columns left of the map."""
        return self.window.padding(self.height)[0], self.window.padding(self.width)[0]

    @property
    def pixel_words(self) -> int:
        """Words of a pixel."""
        return self.channels_in // self.word

    @property
    def map_writes(self) -> int:
        """Writes of a map."""
        return math.ceil(self.height * self.width * self.pixel_words / self.writes)

    @property
    def beats(self) -> int:
        """Cycles in which a window is read."""
        if self.pool:
            return self.pixel_words * self.group
        return math.ceil(self.window.kernel**2 * self.pixel_words / self.reads)

    @property
    def group(self) -> int:
        """Beats that make one output word: 1, or for a pool those that read a window's pixels."""
        return math.ceil(self.window.kernel**2 / self.reads) if self.pool else 1

    @property
    def out_words(self) -> int:
        """Output words of a map."""
        return self.read_cycles // self.group

    @property
    def read_cycles(self) -> int:
        """Cycles in which the windows of a map are read."""
        rows, columns = self.out_shape
        return rows * columns * self.beats

    def schedule(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What each beat of a map waits for, and what it gives back.

        Returns:
            Two arrays of `read_cycles` numbers: words of the map that must have come in before the beat (0 where it
            reads only padding), and words given back up to its end.
        """
        kernel, stride, pixel = self.window.kernel, self.window.stride, self.pixel_words
        out_rows, out_columns = self.out_shape
        tops = np.arange(out_rows) * stride - self.pad[0]
        lefts = np.arange(out_columns) * stride - self.pad[1]
        positions = np.arange(self.group * self.reads if self.pool else math.ceil(kernel**2 / self.reads) * self.reads)
        y, x = np.divmod(positions, kernel)
        rows, columns = tops[:, None, None] + y, lefts[None, :, None] + x
        in_map = (y < kernel) & (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        last = np.where(in_map, (rows * self.width + columns) * pixel, -1)  # first word of the position's pixel
        parts = np.arange(pixel)
        if self.reads > 1:
            last = last.reshape(out_rows, out_columns, -1, self.reads).max(-1)
        if self.pool:
            needs = np.where(last[:, :, None, :] < 0, 0, last[:, :, None, :] + parts[:, None] + 1)
        else:
            needs = np.where(last[..., None] < 0, 0, last[..., None] + parts + 1)
        starts = np.maximum(tops, 0) * self.width * pixel  # first word of each window row
        ends = np.append(starts[1:], self.map_writes * self.writes)
        given = np.repeat(starts[:, None], out_columns, axis=1)
        given[:, :-1] += np.where(ends > starts, 1, 0)[:, None] * np.maximum(lefts[1:], 0) * pixel
        given[:, -1] = ends
        after = np.empty((out_rows, out_columns, self.beats), dtype=np.int64)
        after[..., -1] = given
        before = np.concatenate([np.zeros(1, dtype=np.int64), given.ravel()[:-1]])
        after[..., :-1] = before.reshape(out_rows, out_columns, 1)
        return needs.reshape(-1), after.reshape(-1)

    @cached_property
    def min_depth(self) -> int:
        """Fewest words that the line buffer must hold for the unit to work at all."""
        needs, given = self.schedule()
        needs = -(-needs // self.writes) * self.writes
        held = needs - np.concatenate([np.zeros(1, dtype=np.int64), given[:-1]])
        return max(-(-int(held.max()) // self.writes) * self.writes, self.writes)


Stage = Converter | WindowUnit | Mvtu
