"""window_buffer: windows out of a memory whose places are counted one by one; nothing is read before it came in."""

import random
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest

from rebnet.spec.window import Window

from .lines import Places, Shape
from .streams import PATTERNS, SEED, Bench, Source, Word, case_name, moods, played

# At the least depth unless they say otherwise.
SHAPES = {
    "3x3/2 same, parts of a pixel": Shape(Window(3, 2, same=True), 5, 3, 4, 2),
    "5x5 same, eight of 25 a word, two writes": Shape(Window(5, 1, same=True), 3, 7, 1, 1, 1, 8, 2, extra=None),
    "2x2/3 same, rows and columns that no window needs": Shape(Window(2, 3, same=True), 6, 9, 2, 2, planes=3, reads=3),
    "4x4/2, four writes, one write more": Shape(Window(4, 2), 6, 5, 2, 2, planes=2, reads=5, writes=4, extra=4),
    "1x1/3, one map at a time": Shape(Window(1, 3), 5, 6, 2, 1, extra=None, images=1),
    "one pixel, three maps at a time": Shape(Window(1, 1), 1, 1, 1, 1, extra=None, images=3),
    "pool 3x3/2 of parts, four of nine": Shape(Window(3, 2), 5, 7, 6, 2, planes=2, reads=4, pool=True),
    "pool 2x2, two writes": Shape(Window(2, 1), 3, 5, 2, 2, planes=4, reads=2, writes=2, extra=2, pool=True),
}
CASES = {name: {**shape.parameters, "POOL": int(shape.pool), "IMAGES": shape.images} for name, shape in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_window_buffer(simulate: Callable[..., None], case: str) -> None:
    simulate("window_buffer", CASES, case)


class Reader:
    """Reads the windows of every map, and knows in every cycle what the buffer must show."""

    def __init__(self, dut, source: Source) -> None:
        self.dut, self.source, self.shape = dut, source, SHAPES[case_name()]
        self.rest()

    def rest(self) -> None:
        self.play([], iter(()))
        self.dut.take.value = 0

    def play(self, words: list[Word], go: Iterator[bool]) -> None:
        self.words, self.go = words, go
        self.places = Places(self.shape)
        self.taken: int | None = None
        self.times: list[int] = []

    @property
    def done(self) -> bool:
        return self.places.reads == len(self.words)

    def drive(self) -> None:
        dut, places = self.dut, self.places
        places.writes = len(self.source.times)
        if self.taken is not None:
            assert int(dut.data.value) == self.taken
        assert dut.in_ready.value == places.ready
        assert int(dut.count_q.value) == max(places.held, 0)
        assert dut.word_valid.value == places.valid
        self.take = places.valid and next(self.go)
        dut.take.value = int(self.take)
        if places.valid:
            assert dut.word_first.value == places.beat.first
            assert dut.word_last.value == places.beat.last
            assert int(dut.word_levels.value) == self.words[places.reads][1]

    def sample(self, cycle: int) -> None:
        if not self.take:
            return
        self.taken = self.words[self.places.reads][0]
        self.times.append(cycle)
        self.places.reads += 1


class BufferBench(Bench):
    def __init__(self, dut) -> None:
        self.source = Source(dut.in_valid, dut.in_ready, [dut.in_data, dut.in_levels])
        self.reader = Reader(dut, self.source)
        super().__init__(dut, (self.reader, self.source))
        self.random = np.random.default_rng(SEED)

    def load(self, maps: int, idle: Iterator[bool], pauses: Iterator[bool]) -> None:
        """Fresh maps."""
        words, read, shape = [], [], SHAPES[case_name()]
        for planes, m in zip(*shape.maps(self.random, maps), strict=True):
            words += [(word, m) for word in shape.words_in(self.random, planes)]
            read += [(word, m) for word in shape.words_read(planes)]
        assert len(read) == maps * len(shape.beats)
        self.source.play(words, idle)
        self.reader.play(read, pauses)

    @property
    def done(self) -> bool:
        return self.reader.done and len(self.source.times) == self.reader.places.map * self.reader.shape.map_writes

    async def finish(self) -> None:
        for _ in range(20000):
            await self.step()
            if self.done:
                break
        assert self.done, "stuck"
        await self.steps(3)


@played
async def full_speed(dut):
    """Without pauses a reader that is the slower side reads in every cycle, as soon as the first words came in."""
    bench = BufferBench(dut)
    await bench.start()
    bench.load(4, PATTERNS["always"](), PATTERNS["always"]())
    await bench.finish()
    shape, times = bench.reader.shape, bench.reader.times
    needed = max(1, -(-max(shape.beats[0].words) // shape.writes))
    assert times[0] == needed
    if shape.extra is None and shape.images > 2 and len(shape.beats) >= shape.map_writes:
        second = len(shape.beats)
        assert times[second:] == list(range(times[second], times[second] + 3 * second))


@played
async def room(dut):
    """Nobody reads: writes fill every place, or as many maps as may stand in the buffer."""
    bench = BufferBench(dut)
    await bench.start()
    shape = bench.reader.shape
    maps = 2 + max(shape.depth // shape.map_places, shape.images)
    bench.load(maps, PATTERNS["always"](), iter(lambda: False, None))
    await bench.steps(shape.depth // shape.writes + 20)
    assert len(bench.source.times) == min(shape.depth // shape.writes, shape.images * shape.map_writes)


@played
async def patterns(dut):
    bench = BufferBench(dut)
    await bench.start()
    for idle, pauses in product(PATTERNS.values(), repeat=2):
        bench.load(2, idle(), pauses())
        await bench.finish()


@played
async def stress(dut):
    bench, rng = BufferBench(dut), random.Random(SEED)
    await bench.start()
    for _ in range(5):
        bench.load(6, moods(rng), moods(rng))
        await bench.finish()
        bench.load(6, moods(rng), moods(rng))
        await bench.steps(rng.randrange(1, 60))
        await bench.reset(cycles=1)
