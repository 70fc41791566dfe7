"""skip_buffer: words come out as they went in; a memory of DEPTH places, and 4 behind it."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from rebnet.stages.features import SKIP

from .streams import SEED, StreamBench, Traffic, bench_of, case_name, played

LEVEL_WIDTH = 2
CASES = {
    "one place": {"WIDTH": 5, "DEPTH": 1, "SETS": 1},
    "two places, one bit": {"WIDTH": 1, "DEPTH": 2, "SETS": 3},
    "five places, wide": {"WIDTH": 70, "DEPTH": 5, "SETS": 2, "STYLE": "block"},
    "sixteen places": {"WIDTH": 12, "DEPTH": 16, "SETS": 1, "STYLE": "block"},
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_skip_buffer(simulate: Callable[..., None], case: str) -> None:
    simulate("skip_buffer", CASES, case)


class Places:
    """Knows in every cycle how many words hold a place in the memory: a word leaves as soon as there is room behind."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.depth = dut, CASES[case_name()]["DEPTH"]
        self.rest()

    def rest(self) -> None:
        self.held, self.room = 0, SKIP.places

    def drive(self) -> None:
        pass

    def sample(self, cycle: int) -> None:
        dut = self.dut
        assert int(dut.count_q.value) == self.held, f"cycle {cycle}"
        assert dut.in_ready.value == (self.held < self.depth), f"cycle {cycle}"
        read = self.held > 0 and self.room > 0
        self.held += (dut.in_valid.value == 1 and dut.in_ready.value == 1) - read
        self.room += (dut.out_valid.value == 1 and dut.out_ready.value == 1) - read


def bench(dut) -> StreamBench:
    streams = bench_of(dut)
    streams.agents = (*streams.agents, Places(dut))
    return streams


def traffic(rng: random.Random, words: int = 60) -> Traffic:
    case = CASES[case_name()]
    levels = itertools.cycle([1] if case["SETS"] == 1 else [1, 1, 3, 2])
    values = [(rng.getrandbits(case["WIDTH"]), next(levels)) for _ in range(words)]
    return Traffic(values, values)


@played
async def full_speed(dut):
    """Read a cycle after it came in, and SKIP.latency from there; one word per cycle, or every other with one place."""
    streams, depth = bench(dut), CASES[case_name()]["DEPTH"]
    await streams.start()
    await streams.full_speed(traffic(random.Random(SEED)))
    pace = 1 if depth > 1 else 2
    assert streams.source.times == list(range(0, 60 * pace, pace))
    assert streams.sink.times == [time + 1 + SKIP.latency for time in streams.source.times]


@played
async def depth(dut):
    """Nobody reads: it takes DEPTH words and SKIP.places more, and another two cycles after one left."""
    streams, depth = bench(dut), CASES[case_name()]["DEPTH"]
    await streams.start()
    streams.source.play(traffic(random.Random(SEED)).words, itertools.repeat(True))
    await streams.steps(depth + 40)
    pace = 1 if depth > 1 else 2
    taken = range(0, (depth + SKIP.places) * pace, pace)
    assert streams.source.times == list(taken)
    streams.sink.play(itertools.chain([True], itertools.repeat(False)))
    await streams.steps(20)
    assert streams.source.times == [*taken, streams.sink.times[0] + 2]


@played
async def patterns(dut):
    streams, rng = bench(dut), random.Random(SEED)
    await streams.start()
    await streams.patterns(lambda: traffic(rng))


@played
async def stress(dut):
    streams, rng = bench(dut), random.Random(SEED)
    await streams.start()
    await streams.stress(lambda: traffic(rng, 400))
