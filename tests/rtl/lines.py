"""What the benches of the line buffer share: shapes of windows over maps, and a slow model that counts every place.

The model knows of a map only which words `spec.window.windows` puts into which window. From that it follows when
a word can be read, when a place is given back, and the least depth with which every map passes.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from rebnet.spec.pool import max_pool
from rebnet.spec.window import Window, windows
from rebnet.stages.numbers import clog2
from rebnet.stages.window import WindowUnit

from .streams import Traffic, Word, cut


@dataclass(frozen=True)
class Beat:
    """Words of a map that are read together, 1 the first and 0 none; places of the map given back after it."""

    words: tuple[int, ...]
    first: bool
    last: bool
    given: int


@dataclass(frozen=True)
class Shape:
    """Windows over a map; `extra` places more than the least depth, None for two maps more."""

    window: Window
    height: int
    width: int
    channels: int
    word: int
    planes: int = 2
    reads: int = 1
    writes: int = 1
    extra: int | None = 0
    pool: bool = False
    images: int = 4
    sides: int = 0

    @property
    def by_word(self) -> bool:
        """Whether a window comes word by word of its pixels: of a pool, or in front of a convolution in groups."""
        return self.pool or self.sides > 0

    @property
    def out(self) -> tuple[int, int]:
        return self.window.output(self.height, self.width)

    @property
    def pixel(self) -> int:
        """Words of a pixel."""
        return self.channels // self.word

    @property
    def map_writes(self) -> int:
        return -(-self.height * self.width * self.pixel // self.writes)

    @property
    def map_places(self) -> int:
        return self.map_writes * self.writes

    @property
    def level_width(self) -> int:
        return clog2(self.planes + 1)

    @cached_property
    def walk(self) -> list[list[list[tuple[int, ...]]]]:
        """Windows of groups of beats of the words that are read together."""
        size = self.height * self.width * self.pixel
        numbers = np.arange(1, size + 1).reshape(1, 1, self.height, self.width, self.pixel)
        every = windows(numbers, self.window).reshape(-1, self.window.area, self.pixel)
        groups = every.transpose(0, 2, 1) if self.by_word else every.reshape(len(every), 1, -1)
        missing = -groups.shape[2] % self.reads
        beats = np.pad(groups, ((0, 0), (0, 0), (0, missing))).reshape(*groups.shape[:2], -1, self.reads)
        return [[[tuple(map(int, beat)) for beat in group] for group in window] for window in beats]

    @cached_property
    def given(self) -> list[int]:
        """After every window: the words before the first that a later window of the map needs."""
        first = [min(word for group in window for beat in group for word in beat if word) for window in self.walk]
        return [min(first[index + 1 :]) - 1 for index in range(len(first) - 1)] + [self.map_places]

    @cached_property
    def beats(self) -> list[Beat]:
        beats = []
        for window, before, after in zip(self.walk, [0, *self.given], self.given, strict=False):
            for part, group in enumerate(window):
                for index, words in enumerate(group):
                    last = index == len(group) - 1
                    ends = last and part == len(window) - 1
                    beats.append(Beat(words, index == 0, last, after if ends else before))
        return beats

    @cached_property
    def least_depth(self) -> int:
        """The most places from the first that is not given back to the last that a window needs, writes being whole."""
        needed = 0
        for window, before in zip(self.walk, [0, *self.given], strict=False):
            last = max(word for group in window for beat in group for word in beat)
            needed = max(needed, self.whole(last) - before)
        return self.whole(needed)

    def whole(self, words: int) -> int:
        """So many words, or more to fill a write."""
        return -(-words // self.writes) * self.writes

    @property
    def depth(self) -> int:
        return self.least_depth + (2 * self.map_places if self.extra is None else self.extra)

    @property
    def parameters(self) -> dict[str, int | str]:
        """Parameters of `window_buffer` that its two users have as well; a pool has no padding."""
        sizes = (self.height, self.width, self.channels, self.planes, self.pool, self.word, self.reads, self.writes)
        return WindowUnit("", self.window, *sizes, self.level_width, sides=self.sides).sizes(self.depth)

    def maps(self, rng: np.random.Generator, images: int) -> tuple[list[np.ndarray], list[int]]:
        """Maps of shape (planes, 1, height, width, channels), planes above the image's levels 0, and those levels."""
        levels = [int(level) for level in rng.integers(1, self.planes + 1, images)]
        maps = [rng.random((self.planes, 1, self.height, self.width, self.channels)) < 0.5 for _ in levels]
        for planes, m in zip(maps, levels, strict=True):
            planes[m:] = False
        return maps, levels

    def words_in(self, rng: np.random.Generator, planes: np.ndarray) -> list[int]:
        """A map as it goes in; nonsense beyond its end."""
        width = self.writes * self.word
        return cut(planes.reshape(self.planes, -1), width, rng.random((self.planes, width)) < 0.5)

    def words_read(self, planes: np.ndarray) -> list[int]:
        """Words of the map's windows, as they are read."""
        every = windows(planes, self.window)[:, 0]
        if self.by_word:
            every = every.reshape(self.planes, *self.out, -1, self.pixel, self.word).swapaxes(3, 4)
        groups = len(self.walk) * (self.pixel if self.by_word else 1)
        sides = max(1, self.sides)  # which leave as planes do
        apart = every.reshape(self.planes, groups, self.window.area, sides, -1).transpose(0, 3, 1, 2, 4)
        apart = apart if self.by_word else every
        return self._cut(apart.reshape(self.planes * sides, groups, -1), self.reads * self.word // sides)

    def words_pooled(self, planes: np.ndarray) -> list[int]:
        """Words of the largest codes."""
        return self._cut(max_pool(planes, self.window).reshape(self.planes, 1, -1), self.word)

    def _cut(self, groups: np.ndarray, width: int) -> list[int]:
        zeros = np.zeros((len(groups), width), dtype=np.bool_)
        return [word for group in groups.swapaxes(0, 1) for word in cut(group, width, zeros)]

    def traffic(self, rng: np.random.Generator, images: int) -> Traffic:
        """Maps back to back, and their windows or largest codes."""
        words: list[Word] = []
        expected: list[Word] = []
        for planes, m in zip(*self.maps(rng, images), strict=True):
            words += [(word, m) for word in self.words_in(rng, planes)]
            expected += [(word, m) for word in (self.words_pooled if self.pool else self.words_read)(planes)]
        return Traffic(words, expected)


class Places:
    """The places of a line buffer, counted from an empty one."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.writes = self.reads = 0

    @property
    def map(self) -> int:
        """The map that is read."""
        return self.reads // len(self.shape.beats)

    @property
    def beat(self) -> Beat:
        return self.shape.beats[self.reads % len(self.shape.beats)]

    @property
    def held(self) -> int:
        """Written places less those given back; fewer than 0 if they were given back before they were written."""
        shape = self.shape
        beat = self.reads % len(shape.beats)
        given = shape.beats[beat - 1].given if beat else 0
        return self.writes * shape.writes - self.map * shape.map_places - given

    @property
    def ready(self) -> bool:
        """There is room for a write, and for the levels of its image."""
        begun, inside = divmod(self.writes, self.shape.map_writes)
        images = inside > 0 or begun - self.map < self.shape.images
        return images and self.held + self.shape.writes <= self.shape.depth

    @property
    def valid(self) -> bool:
        """All that is read next came in, and so did its map's first word."""
        came = self.writes * self.shape.writes - self.map * self.shape.map_places
        return came > 0 and max(self.beat.words) <= came


def schedule(shape: Shape, images: int, beats: int | None = None) -> tuple[list[int], list[int]]:
    """Cycles of the writes and reads of so many maps, none later than it must; no more than so many beats are read."""
    places = Places(shape)
    most = images * len(shape.beats) if beats is None else beats
    writes: list[int] = []
    reads: list[int] = []
    cycle = 0
    while not writes or cycle <= max(writes[-1:] + reads[-1:]) + 2:
        write = places.ready and places.writes < images * shape.map_writes
        read = places.reads < most and places.valid
        if write:
            writes.append(cycle)
        if read:
            reads.append(cycle)
        places.writes += write
        places.reads += read
        cycle += 1
    return writes, reads


def gapless(times: list[int]) -> bool:
    """Whether something happened in every cycle from the first to the last."""
    return all(after == before + 1 for before, after in pairwise(times))
