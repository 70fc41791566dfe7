"""`sliding_window`, `max_pool` and `sum_pool`: windows over the maps that stream through a line buffer."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.values import Shape
from rebnet.spec.window import Window
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.memories import ram_style
from rebnet.stages.module import Module, Parameters, quoted
from rebnet.stages.numbers import divisors

WINDOW_DEPTH = 4
"""Places in the output FIFO of `sliding_window` and of `max_pool`."""
WINDOW_LATENCY = 2
"""Cycles from reading a word to seeing it at the output of `sliding_window`."""
POOL_LATENCY = 3
"""Cycles from reading a window's last pixels to seeing the result at the output of `max_pool`."""
WINDOW_IMAGES = 4
"""Images that may stand in a line buffer at a time."""


@dataclass(frozen=True)
class WindowUnit:
    """One `sliding_window`, or one `max_pool` or `sum_pool`: windows over the maps that stream through a line buffer.

    Attributes:
        name: of the layer that it stands in front of, or for a pool behind.
        window: kernel, stride and padding.
        height: of the map.
        width: of the map.
        channels_in: elements of a pixel.
        planes: bit planes of an element.
        pool: True for a pool.
        word: elements of a word; divides `channels_in`.
        reads: words read per cycle.
        writes: words that come in at a time.
        level_width: bits of a level count.
        sum_planes: bit planes of the sums of a `sum_pool`; 0 for what it is not.
        sides: in front of a convolution in groups, those that a word holds, and windows leave word by word of a pixel;
            0 in front of another.
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
    level_width: int = 1
    sum_planes: int = 0
    sides: int = 0

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return f"{self.name}_{'pool' if self.pool else 'window'}"

    @property
    def lines(self) -> Buffer:
        """The line buffer."""
        name = f"{self.name}.{'pool' if self.pool else 'window'}"
        return Buffer(name, self.planes * self.word, self.min_depth, self.writes)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """Those whose depths are chosen."""
        return (self.lines,)

    def sizes(self, depth: int) -> Parameters:
        """The parameters that are numbers, by the names of the RTL, but for those whose default is right."""
        (kernel, kernel_x), (stride, stride_x) = self.window.kernel, self.window.stride
        pads = {"PAD_Y": self.pad[0], "PAD_X": self.pad[1]}
        return {
            "PLANES": self.planes,
            "LEVEL_WIDTH": self.level_width,
            "KERNEL": kernel,
            **({} if kernel_x == kernel else {"KERNEL_X": kernel_x}),
            "STRIDE": stride,
            **({} if stride_x == stride else {"STRIDE_X": stride_x}),
            **(pads if any(self.pad) or not self.pool else {}),
            "HEIGHT": self.height,
            "WIDTH": self.width,
            "OUT_HEIGHT": self.out_shape[0],
            "OUT_WIDTH": self.out_shape[1],
            "CHANNELS": self.channels_in,
            "WORD": self.word,
            **({"SIDES": self.sides} if self.sides else {}),
            "READS": self.reads,
            "WRITES": self.writes,
            "DEPTH": depth,
        }

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        depth = depths[self.lines.name]
        style = ram_style(self.planes * self.writes * self.word, depth // self.writes)
        parameters = {**self.sizes(depth), "STYLE": quoted(style)}
        if self.sum_planes:
            return Module("sum_pool", parameters | {"PLANES_OUT": self.sum_planes}, self.instance)
        return Module("max_pool" if self.pool else "sliding_window", parameters, self.instance)

    @property
    def out_elements(self) -> int:
        """Elements of the words that leave; of those that hold groups side by side, of one of them."""
        return self.word if self.pool else self.word * self.reads // max(1, self.sides)

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return (self.sum_planes or self.planes) * self.out_elements * max(1, self.sides)

    @property
    def out_shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return self.window.output(self.height, self.width)

    @property
    def pad(self) -> tuple[int, int]:
        """Rows above and columns left of the map."""
        return self.window.before(self.height, self.width)

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
        if self.by_word:
            return self.pixel_words * math.ceil(self.window.area / self.reads)
        return math.ceil(self.window.area * self.pixel_words / self.reads)

    @property
    def by_word(self) -> bool:
        """Whether a window is read word by word of its pixels, and not pixel by pixel."""
        return self.pool or self.sides > 0

    @property
    def group(self) -> int:
        """Beats that make one output word: 1, or for a pool those that read a window's pixels."""
        return math.ceil(self.window.area / self.reads) if self.pool else 1

    @property
    def out_words(self) -> int:
        """Output words of a map."""
        return self.read_cycles // self.group

    @property
    def read_cycles(self) -> int:
        """Cycles in which the windows of a map are read."""
        rows, columns = self.out_shape
        return rows * columns * self.beats

    @property
    def cycles(self) -> int:
        """Cycles per image: in which a map is written, or its windows are read."""
        return max(self.read_cycles, self.map_writes)

    def schedule(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What each beat of a map waits for, and what it gives back.

        Returns:
            Two arrays of `read_cycles` numbers: words of the map that must have come in before the beat (0 where it
            reads only padding), and words given back up to its end.
        """
        (kernel, kernel_x), (down, right), pixel = self.window.kernel, self.window.stride, self.pixel_words
        out_rows, out_columns = self.out_shape
        tops = np.arange(out_rows) * down - self.pad[0]
        lefts = np.arange(out_columns) * right - self.pad[1]
        positions = np.arange(math.ceil(self.window.area / self.reads) * self.reads)
        y, x = np.divmod(positions, kernel_x)
        rows, columns = tops[:, None, None] + y, lefts[None, :, None] + x
        in_map = (y < kernel) & (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        last = np.where(in_map, (rows * self.width + columns) * pixel, -1)  # first word of the position's pixel
        parts = np.arange(pixel)
        if self.reads > 1:
            last = last.reshape(out_rows, out_columns, -1, self.reads).max(-1)
        if self.by_word:
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


@lru_cache(4096)
def window_unit(
    name: str, window: Window, shape: Shape, planes: int, cycles: int, pace: int, level_width: int = 1
) -> WindowUnit:
    """The narrowest sliding window that reads a vector in at most `cycles` and takes a map within `pace` cycles."""

    def unit(word: int, reads: int, writes: int) -> WindowUnit:
        return WindowUnit(name, window, *shape, planes, False, word, reads, writes, level_width)

    for word in divisors(shape.channels):
        narrow = unit(word, 1, 1)
        if narrow.beats <= cycles and narrow.map_writes <= pace:
            return narrow
    words = window.area
    reads = next(r for r in range(1, words + 1) if math.ceil(words / r) <= cycles)
    writes = next(w for w in (1, 2, 4, 8, 16, 32, 64) if w == 64 or unit(shape.channels, reads, w).map_writes <= pace)
    return unit(shape.channels, reads, writes)


@lru_cache(4096)
def grouped_unit(
    name: str, window: Window, shape: Shape, planes: int, cycles: int, sides: int, groups: int, level_width: int = 1
) -> WindowUnit:
    """The sliding window in front of a convolution in groups that reads a vector of `sides` in at most `cycles`."""
    word = shape.channels // groups * sides
    reads = next(r for r in range(1, window.area + 1) if math.ceil(window.area / r) <= cycles)
    return WindowUnit(name, window, *shape, planes, False, word, reads, 1, level_width, sides=sides)


@lru_cache(4096)
def pool_unit(name: str, window: Window, shape: Shape, planes: int, pace: int, level_width: int = 1) -> WindowUnit:
    """The narrowest max-pool that reads and takes a map within `pace` cycles."""
    units = pool_units(name, window, shape, planes, level_width)
    return next(unit for unit in units if max(unit.read_cycles, unit.map_writes) <= pace or unit == units[-1])


def pool_units(
    name: str, window: Window, shape: Shape, planes: int, level_width: int = 1, sum_planes: int = 0
) -> list[WindowUnit]:
    """Every max-pool that there is to choose from, the narrowest first."""
    words = divisors(shape.channels)
    choices = [*((word, 1) for word in words), *((shape.channels, r) for r in range(2, window.area + 1))]
    return [
        WindowUnit(name, window, *shape, planes, True, word, reads, 1, level_width, sum_planes)
        for word, reads in choices
    ]
