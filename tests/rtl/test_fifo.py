"""fifo: words come out as they went in, DEPTH of them at most are inside."""

import itertools
import random
from collections.abc import Callable

import pytest

from .streams import SEED, Sink, Source, StreamBench, Traffic, case_name, played

CASES = {
    "one place": {"WIDTH": 5, "DEPTH": 1},
    "two places, one bit": {"WIDTH": 1, "DEPTH": 2},
    "three places, wide": {"WIDTH": 70, "DEPTH": 3},
    "eight places": {"WIDTH": 12, "DEPTH": 8, "STYLE": "block"},
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_fifo(simulate: Callable[..., None], case: str) -> None:
    simulate("fifo", CASES, case)


def bench_of(dut) -> StreamBench:
    return StreamBench(
        dut, Source(dut.in_valid, dut.in_ready, [dut.in_data]), Sink(dut.out_valid, dut.out_ready, [dut.out_data])
    )


def traffic(rng: random.Random, words: int = 60) -> Traffic:
    values = [(rng.getrandbits(CASES[case_name()]["WIDTH"]),) for _ in range(words)]
    return Traffic(values, values)


@played
async def full_speed(dut):
    """One cycle from input to output; one word per cycle, or every other with a single place."""
    bench, depth = bench_of(dut), CASES[case_name()]["DEPTH"]
    await bench.start()
    await bench.full_speed(traffic(random.Random(SEED)))
    pace = 1 if depth > 1 else 2
    assert bench.source.times == list(range(0, 60 * pace, pace))
    assert bench.sink.times == [time + 1 for time in bench.source.times]


@played
async def depth(dut):
    """A FIFO that nobody reads takes DEPTH words; a full one takes a word in the cycle after one left."""
    bench, depth = bench_of(dut), CASES[case_name()]["DEPTH"]
    await bench.start()
    words = traffic(random.Random(SEED)).words
    bench.source.play(words, itertools.repeat(True))
    await bench.steps(depth + 20)
    assert bench.source.times == list(range(depth))
    bench.sink.play(itertools.chain([True], itertools.repeat(False)))
    await bench.steps(20)
    assert bench.source.times == [*range(depth), bench.sink.times[0] + 1]


@played
async def patterns(dut):
    bench, rng = bench_of(dut), random.Random(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng))


@played
async def stress(dut):
    bench, rng = bench_of(dut), random.Random(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 400))
