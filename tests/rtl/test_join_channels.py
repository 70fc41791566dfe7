"""join_channels against numpy.concatenate along the channels: pixels of several maps, one behind the other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.stages.features import JOIN

from .features import bench_of, planes_of, promised_places
from .streams import SEED, StreamBench, Traffic, case_name, join, played, to_word

LEVEL_WIDTH = 2
PIXELS = 15


@dataclass(frozen=True)
class Case:
    """Words of a pixel of each source, elements of a word, their bits, and what is added to those of each source."""

    words: tuple[int, ...]
    lanes: int
    planes: int
    offsets: tuple[int, ...] = ()

    @property
    def parameters(self) -> dict[str, int | str]:
        sources = len(self.words)
        offsets = {"OFFSETS": f"{sources * self.planes}'h{join(self.offsets, self.planes):x}"} if self.offsets else {}
        return {
            "SOURCES": sources,
            "LANES": self.lanes,
            "PLANES": self.planes,
            "LEVEL_WIDTH": LEVEL_WIDTH,
            "WORDS": f"{16 * sources}'h{join(self.words, 16):x}",
            **offsets,
        }


SHAPES = {
    "codes": Case((1, 1), 4, 2),
    "features, parts of pixels": Case((3, 2), 2, 7, (0, 38)),
    "three, one lane": Case((1, 5, 2), 1, 3, (5, 0, 2)),
    "one": Case((2,), 3, 2),
    "long pixels": Case((2, 300), 2, 1),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_join_channels(simulate: Callable[..., None], case: str) -> None:
    simulate("join_channels", CASES, case)


def bench(dut) -> StreamBench:
    case = SHAPES[case_name()]
    return bench_of(dut, [case.planes * case.lanes] * len(case.words))


def traffic(rng: np.random.Generator, pixels: int = PIXELS) -> Traffic:
    """Pixels of images of other levels each; sums reach as far as they may."""
    case = SHAPES[case_name()]
    offsets = case.offsets or (0,) * len(case.words)
    given, expected = [], []
    for _ in range(pixels):
        levels = int(rng.integers(1 << LEVEL_WIDTH))
        parts = []
        for s, (words, offset) in enumerate(zip(case.words, offsets, strict=True)):
            codes = rng.integers(0, (1 << case.planes) - offset, (words, case.lanes))
            codes[0, 0] = (1 << case.planes) - offset - 1
            given += [(s, to_word(planes_of(word, case.planes)), levels) for word in codes]
            parts.append(codes + offset)
        joined = np.concatenate(parts).reshape(-1, case.lanes)
        expected += [(to_word(planes_of(word, case.planes)), levels) for word in joined]
    return Traffic(given, expected)


@played
async def full_speed(dut):
    """A word per cycle, each in its source's turn, JOIN.latency cycles from input to output."""
    streams, case = bench(dut), SHAPES[case_name()]
    await streams.start()
    pixels = traffic(np.random.default_rng(SEED))
    await streams.full_speed(pixels)
    turns = [s for s, words in enumerate(case.words) for _ in range(words)] * PIXELS
    for s, source in enumerate(streams.source.each):
        assert source.times == [time for time, turn in enumerate(turns) if turn == s]
    assert streams.sink.times == [time + JOIN.latency for time in range(len(turns))]


@played
async def places(dut):
    """Nobody reads: JOIN.places words are promised a place, in their sources' turns."""
    streams, case = bench(dut), SHAPES[case_name()]
    await streams.start()
    words = traffic(np.random.default_rng(SEED)).words
    await promised_places(streams, words, JOIN.places)
    turns = [s for s, words in enumerate(case.words) for _ in range(words)] * PIXELS
    taken = [len(source.times) for source in streams.source.each]
    assert taken == [turns[: JOIN.places + 1].count(s) for s in range(len(case.words))]


@played
async def patterns(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.patterns(lambda: traffic(rng, 2 if max(SHAPES[case_name()].words) > 99 else 10))


@played
async def stress(dut):
    streams, rng = bench(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.stress(lambda: traffic(rng, 2 if max(SHAPES[case_name()].words) > 99 else 60))
