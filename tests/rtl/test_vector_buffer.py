"""vector_buffer: vectors that are read as often as the reader likes; a place is free when it is given back."""

import random
from collections.abc import Callable, Iterator
from itertools import product

import pytest

from .streams import PATTERNS, SEED, Bench, Source, Word, case_name, moods, played

# width, words of a vector, words of the buffer
SHAPES = {
    "one word, one place": (4, 1, 1),
    "least that replays": (7, 5, 5),
    "two vectors and more": (66, 5, 12),
    "places do not divide": (9, 3, 7),
    "read once, one place": (3, 4, 1),
}
LEVEL_WIDTH = 2
CASES = {
    name: {"WIDTH": width, "LEVEL_WIDTH": LEVEL_WIDTH, "CHUNKS": chunks, "DEPTH": depth}
    for name, (width, chunks, depth) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_vector_buffer(simulate: Callable[..., None], case: str) -> None:
    simulate("vector_buffer", CASES, case)


class Reader:
    """Reads each vector `passes` times, and knows in every cycle what the buffer must show."""

    def __init__(self, dut, source: Source) -> None:
        self.dut, self.source = dut, source
        _, self.chunks, self.depth = SHAPES[case_name()]
        self.random = random.Random(SEED)
        self.rest()

    def rest(self) -> None:
        self.play([], [], iter(()))
        self.dut.take.value = 0

    def play(self, words: list[Word], passes: list[int], go: Iterator[bool]) -> None:
        self.words, self.passes, self.go = words, passes, go
        self.vector = self.read = self.chunk = self.freed = 0
        self.taken: int | None = None
        self.times: list[int] = []

    @property
    def done(self) -> bool:
        return self.vector == len(self.passes)

    def drive(self) -> None:
        dut, at = self.dut, self.vector * self.chunks + self.chunk
        arrived = len(self.source.times)
        if self.taken is not None:
            assert int(dut.data_q.value) == self.taken
        assert dut.in_ready.value == (arrived - self.freed < self.depth)
        there = not self.done and (self.read > 0 or at < arrived)
        assert dut.word_valid.value == (there or (self.done and at < arrived))
        self.take = there and next(self.go)
        last_pass = not self.done and self.read == self.passes[self.vector] - 1
        dut.take.value = int(self.take)
        dut.free.value = int(last_pass) if self.take else self.random.getrandbits(1)
        if there:
            assert dut.word_last.value == (self.chunk == self.chunks - 1)
            assert int(dut.word_levels.value) == self.words[at][1]

    def sample(self, cycle: int) -> None:
        if not self.take:
            return
        self.taken = self.words[self.vector * self.chunks + self.chunk][0]
        self.times.append(cycle)
        last_pass = self.read == self.passes[self.vector] - 1
        self.freed += last_pass
        self.chunk = (self.chunk + 1) % self.chunks
        if self.chunk == 0:
            self.read = 0 if last_pass else self.read + 1
            self.vector += last_pass


class BufferBench(Bench):
    def __init__(self, dut) -> None:
        self.source = Source(dut.in_valid, dut.in_ready, [dut.in_data, dut.in_levels])
        self.reader = Reader(dut, self.source)
        super().__init__(dut, (self.reader, self.source))
        self.random = random.Random(SEED)

    def load(self, vectors: int, passes: int, idle: Iterator[bool], pauses: Iterator[bool]) -> None:
        """Fresh vectors, each to be read up to `passes` times."""
        width, chunks, depth = SHAPES[case_name()]
        words = [
            (self.random.getrandbits(width), level)
            for level in [self.random.getrandbits(LEVEL_WIDTH) for _ in range(vectors)]
            for _ in range(chunks)
        ]
        most = passes if depth >= chunks else 1
        self.source.play(words, idle)
        self.reader.play(words, [self.random.randrange(1, most + 1) for _ in range(vectors)], pauses)

    async def finish(self) -> None:
        for _ in range(20000):
            await self.step()
            if self.reader.done:
                break
        assert self.reader.done, "stuck"
        await self.steps(3)


@played
async def full_speed(dut):
    """Words that came in can be taken a cycle later, one per cycle; every other with a single place."""
    bench = BufferBench(dut)
    await bench.start()
    bench.load(12, 1, PATTERNS["always"](), PATTERNS["always"]())
    await bench.finish()
    pace = 1 if bench.reader.depth > 1 else 2
    assert bench.reader.times == [1 + pace * word for word in range(12 * bench.reader.chunks)]


@played
async def replays(dut):
    """With room for two vectors, reading goes on from pass to pass and from vector to vector."""
    bench = BufferBench(dut)
    await bench.start()
    bench.load(12, 3, PATTERNS["always"](), PATTERNS["always"]())
    await bench.finish()
    if bench.reader.depth > 2 * bench.reader.chunks:
        assert bench.reader.times == list(range(1, 1 + len(bench.reader.times)))


@played
async def patterns(dut):
    bench = BufferBench(dut)
    await bench.start()
    for idle, pauses in product(PATTERNS.values(), repeat=2):
        bench.load(5, 3, idle(), pauses())
        await bench.finish()


@played
async def stress(dut):
    bench, rng = BufferBench(dut), random.Random(SEED)
    await bench.start()
    for _ in range(5):
        bench.load(30, 4, moods(rng), moods(rng))
        await bench.finish()
        bench.load(30, 4, moods(rng), moods(rng))
        await bench.steps(rng.randrange(1, 60))
        await bench.reset(cycles=1)
