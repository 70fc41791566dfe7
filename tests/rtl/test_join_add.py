"""join_add against spec.features.add_features: sums of features that come on several streams."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.spec.features import add_features
from rebnet.stages.features import JOIN

from .features import bench_of, planes_of, promised_places
from .streams import SEED, StreamBench, Traffic, case_name, played, to_word

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """Streams, features of a word, their bits and those of the sums."""

    sources: int
    lanes: int
    planes: int
    planes_out: int

    @property
    def parameters(self) -> dict[str, int]:
        return {
            "SOURCES": self.sources,
            "LANES": self.lanes,
            "PLANES": self.planes,
            "PLANES_OUT": self.planes_out,
            "LEVEL_WIDTH": LEVEL_WIDTH,
        }


SHAPES = {
    "two": Case(2, 4, 6, 7),
    "two, no bit more": Case(2, 3, 5, 5),
    "three, one lane": Case(3, 1, 9, 11),
    "five bits": Case(5, 7, 1, 3),
    "one": Case(1, 2, 3, 3),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_join_add(simulate: Callable[..., None], case: str) -> None:
    simulate("join_add", CASES, case)


def bench(dut) -> StreamBench:
    case = SHAPES[case_name()]
    return bench_of(dut, [case.planes * case.lanes] * case.sources)


def traffic(rng: np.random.Generator, words: int = 60) -> Traffic:
    """Features of any offsets; the first sum is the largest that there may be."""
    case = SHAPES[case_name()]
    offsets = rng.integers(-50, 50, case.sources)
    most = min((1 << case.planes_out) - 1, case.sources * ((1 << case.planes) - 1))
    given, expected = [], []
    for word in range(words):
        levels = int(rng.integers(1 << LEVEL_WIDTH))
        left, codes = np.full(case.lanes, most), []
        for _ in range(case.sources):
            limit = np.minimum(left, (1 << case.planes) - 1)
            codes.append(limit if word == 0 else rng.integers(0, limit + 1))
            left = left - codes[-1]
        features = [code + offset for code, offset in zip(codes, offsets, strict=True)]
        sums = add_features(features, [0] * case.sources) - offsets.sum()
        given += [(s, to_word(planes_of(code, case.planes)), levels) for s, code in enumerate(codes)]
        expected.append((to_word(planes_of(sums, case.planes_out)), levels))
    return Traffic(given, expected)


@played
async def full_speed(dut):
    """A word of every source and a sum per cycle, JOIN.latency cycles later."""
    streams = bench(dut)
    await streams.start()
    await streams.full_speed(traffic(np.random.default_rng(SEED)))
    assert all(source.times == list(range(60)) for source in streams.source.each)
    assert streams.sink.times == [time + JOIN.latency for time in range(60)]


@played
async def places(dut):
    streams = bench(dut)
    await streams.start()
    await promised_places(streams, traffic(np.random.default_rng(SEED)).words, JOIN.places, SHAPES[case_name()].sources)


@played
async def together(dut):
    """No word is taken before the last source has one."""
    streams = bench(dut)
    await streams.start()
    words = traffic(np.random.default_rng(SEED)).words
    last = SHAPES[case_name()].sources - 1
    streams.source.play([word for word in words if word[0] != last], iter([True] * 100))
    await streams.steps(20)
    assert streams.source.times == []


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
