"""upsample against spec.upsample: pixels and rows of maps several times, a word per cycle."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rebnet.spec.upsample import Factors, upsample
from rebnet.stages.upsample import UPSAMPLE

from .streams import SEED, StreamBench, Traffic, bench_of, case_name, played

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """Factors, pixels of a row and words of a pixel; words of the memory beyond the fewest."""

    factors: Factors
    pixels: int
    words: int
    width: int = 7
    surplus: int = 0
    sets: int = 1
    style: str = "distributed"

    @property
    def depth(self) -> int:
        return self.words * (self.pixels if self.factors.rows > 1 else 1) + self.surplus

    @property
    def parameters(self) -> dict[str, int | str]:
        return {
            "WIDTH": self.width,
            "ROWS": self.factors.rows,
            "COLUMNS": self.factors.columns,
            "PIXELS": self.pixels,
            "WORDS": self.words,
            "SETS": self.sets,
            "LEVEL_WIDTH": LEVEL_WIDTH,
            "DEPTH": self.depth,
            "STYLE": self.style,
        }


SHAPES = {
    "2x2, whole pixels": Case(Factors(2, 2), 5, 1),
    "3x2, parts of pixels": Case(Factors(3, 2), 4, 3, surplus=5, sets=3, style="block"),
    "1x3, one row is no more than a pixel": Case(Factors(1, 3), 6, 2, sets=2),
    "1x2, a single place": Case(Factors(1, 2), 3, 1),
    "2x1, a wide word": Case(Factors(2, 1), 3, 2, width=70, surplus=40),
    "4x1, a single pixel": Case(Factors(4, 1), 1, 1, width=1, surplus=1, sets=3),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_upsample(simulate: Callable[..., None], case: str) -> None:
    simulate("upsample", CASES, case)


def order(case: Case, rows: int) -> list[int]:
    """The number of the word that leaves at each place."""
    maps = np.arange(rows * case.pixels * case.words).reshape(rows, case.pixels, case.words)
    return upsample(maps, case.factors).ravel().tolist()


def last_readings(order: list[int]) -> set[int]:
    """Where each word leaves for the last time."""
    return set({word: place for place, word in enumerate(order)}.values())


class Places:
    """Knows in every cycle how many words hold a place: from their taking to the last of their readings."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.case = dut, SHAPES[case_name()]
        self.order = order(self.case, 400)
        self.frees = last_readings(self.order)
        self.rest()

    def rest(self) -> None:
        self.taken, self.reads, self.held, self.room = 0, 0, 0, UPSAMPLE.places

    def drive(self) -> None:
        pass

    def sample(self, cycle: int) -> None:
        dut = self.dut
        assert int(dut.count_q.value) == self.held, f"cycle {cycle}"
        assert dut.in_ready.value == (self.held < self.case.depth), f"cycle {cycle}"
        read = self.order[self.reads] < self.taken and self.room > 0
        come = dut.in_valid.value == 1 and dut.in_ready.value == 1
        self.held += come - (read and self.reads in self.frees)
        self.room += (dut.out_valid.value == 1 and dut.out_ready.value == 1) - read
        self.taken, self.reads = self.taken + come, self.reads + read


def bench(dut) -> StreamBench:
    streams = bench_of(dut)
    streams.agents = (*streams.agents, Places(dut))
    return streams


def traffic(rng: np.random.Generator, rows: int = 6) -> Traffic:
    """Rows of maps back to back, of other levels each where these may change."""
    case = SHAPES[case_name()]
    levels = rng.integers(1, 4, rows) if case.sets > 1 else np.full(rows, 2)
    bits = rng.integers(0, 2, (rows * case.pixels * case.words, case.width))
    numbers = [int("".join(map(str, row)), 2) for row in bits]
    words = [(number, int(levels[place // (case.pixels * case.words)])) for place, number in enumerate(numbers)]
    return Traffic(words, [words[place] for place in order(case, rows)])


@played
async def full_speed(dut):
    """A word leaves per cycle from the first one on; a memory of a single word pauses until the next one is there."""
    streams, case = bench(dut), SHAPES[case_name()]
    await streams.start()
    await streams.full_speed(traffic(np.random.default_rng(SEED)))
    first, count = 1 + UPSAMPLE.latency, len(order(case, 6))
    pauses = np.arange(count) // case.factors.columns if case.depth == 1 else np.zeros(count, dtype=np.int64)
    assert streams.sink.times == (first + np.arange(count) + pauses).tolist()


@played
async def places(dut):
    """Nobody reads: the memory fills, and takes as many more as UPSAMPLE.places readings have done with."""
    streams, case = bench(dut), SHAPES[case_name()]
    await streams.start()
    streams.source.play(traffic(np.random.default_rng(SEED), 30).words, itertools.repeat(True))
    await streams.steps(case.depth + 40)
    done = sum(place < UPSAMPLE.places for place in last_readings(order(case, 30)))
    assert len(streams.source.times) == case.depth + done


@played
async def patterns(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.patterns(lambda: traffic(rng, 3))


@played
async def stress(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.stress(lambda: traffic(rng, 20))
