"""stack: the planes of several streams side by side."""

from collections.abc import Callable

import numpy as np
import pytest

from rebnet.stages.features import STACK

from .features import bench_of, promised_places
from .streams import SEED, StreamBench, Traffic, case_name, played, to_word

LEVEL_WIDTH = 2

# planes of each source, elements of a word
SHAPES = {
    "two": ((2, 2), 4),
    "three, of unequal planes": ((1, 3, 2), 5),
    "one": ((2,), 3),
    "bits": ((1, 1), 1),
}
CASES = {
    name: {"SOURCES": len(planes), "WIDTH": sum(planes) * lanes, "LEVEL_WIDTH": LEVEL_WIDTH}
    for name, (planes, lanes) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_stack(simulate: Callable[..., None], case: str) -> None:
    simulate("stack", CASES, case)


def bench(dut) -> StreamBench:
    planes, lanes = SHAPES[case_name()]
    return bench_of(dut, [lanes * count for count in planes])


def traffic(rng: np.random.Generator, words: int = 60) -> Traffic:
    planes, lanes = SHAPES[case_name()]
    given, expected = [], []
    for _ in range(words):
        levels = int(rng.integers(1 << LEVEL_WIDTH))
        codes = [rng.random((count, lanes)) < 0.5 for count in planes]
        given += [(s, to_word(code), levels) for s, code in enumerate(codes)]
        expected.append((to_word(np.concatenate(codes)), levels))
    return Traffic(given, expected)


@played
async def full_speed(dut):
    """A word of every source per cycle, STACK.latency cycles from input to output."""
    streams = bench(dut)
    await streams.start()
    await streams.full_speed(traffic(np.random.default_rng(SEED)))
    assert all(source.times == list(range(60)) for source in streams.source.each)
    assert streams.sink.times == [time + STACK.latency for time in range(60)]


@played
async def places(dut):
    streams = bench(dut)
    await streams.start()
    words = traffic(np.random.default_rng(SEED)).words
    await promised_places(streams, words, STACK.places, len(SHAPES[case_name()][0]))


@played
async def patterns(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.patterns(lambda: traffic(rng, 30))


@played
async def stress(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.stress(lambda: traffic(rng, 200))
