"""global_sum against spec.features.sum_pool: the sum of every channel over a whole map."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.spec.features import sum_pool
from rebnet.stages.features import GLOBAL_SUM

from .features import planes_of
from .streams import SEED, Traffic, bench_of, case_name, played, to_word

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """Rows and columns of a map, channels, features of a word, their bits and those of the sums."""

    height: int
    width: int
    channels: int
    lanes: int
    planes: int
    planes_out: int

    @property
    def positions(self) -> int:
        return self.height * self.width

    @property
    def words(self) -> int:
        """Words of a pixel."""
        return self.channels // self.lanes

    @property
    def parameters(self) -> dict[str, int]:
        return {
            "POSITIONS": self.positions,
            "CHANNELS": self.channels,
            "LANES": self.lanes,
            "PLANES": self.planes,
            "PLANES_OUT": self.planes_out,
            "LEVEL_WIDTH": LEVEL_WIDTH,
        }


SHAPES = {
    "4x4, parts": Case(4, 4, 6, 2, 5, 9),
    "3x5, whole pixels": Case(3, 5, 4, 4, 3, 6),
    "one pixel of more words than places": Case(1, 1, 10, 1, 4, 4),
    "two pixels, one bit more": Case(1, 2, 14, 2, 1, 2),
    "no bit more": Case(3, 3, 3, 1, 6, 6),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_global_sum(simulate: Callable[..., None], case: str) -> None:
    simulate("global_sum", CASES, case)


def traffic(rng: np.random.Generator, images: int) -> Traffic:
    """Maps of features of some offset back to back; those of the first are as large as they may be."""
    case = SHAPES[case_name()]
    offset = int(rng.integers(-30, 30))
    limit = min((1 << case.planes) - 1, ((1 << case.planes_out) - 1) // case.positions)
    given, expected = [], []
    for image in range(images):
        levels = int(rng.integers(1 << LEVEL_WIDTH))
        shape = (1, case.height, case.width, case.channels)
        codes = np.full(shape, limit) if image == 0 else rng.integers(0, limit + 1, shape)
        sums = sum_pool(codes + offset, None) - offset * case.positions
        for words, numbers, planes in ((given, codes, case.planes), (expected, sums, case.planes_out)):
            words += [(to_word(planes_of(word, planes)), levels) for word in numbers.reshape(-1, case.lanes)]
    return Traffic(given, expected)


@played
async def full_speed(dut):
    """A word per cycle; a sum is there GLOBAL_SUM.latency cycles after the last pixel's word was taken."""
    bench, case, images = bench_of(dut), SHAPES[case_name()], 5
    await bench.start()
    maps = traffic(np.random.default_rng(SEED), images)
    await bench.full_speed(maps)
    assert bench.source.times == list(range(len(maps.words)))
    size, last = case.positions * case.words, (case.positions - 1) * case.words
    assert bench.sink.times == [time + GLOBAL_SUM.latency for time in range(len(maps.words)) if time % size >= last]


@played
async def places(dut):
    """Nobody reads: GLOBAL_SUM.places sums are promised a place; what needs none goes on."""
    bench, case = bench_of(dut), SHAPES[case_name()]
    await bench.start()
    maps = traffic(np.random.default_rng(SEED), 7)
    bench.source.play(maps.words, itertools.repeat(True))
    await bench.steps(len(maps.words) + 20)
    whole, rest = divmod(GLOBAL_SUM.places, case.words)
    taken = whole * case.positions * case.words + (case.positions - 1) * case.words + rest
    assert bench.source.times == list(range(taken))
    bench.sink.play(itertools.chain([True], itertools.repeat(False)))
    await bench.steps(1)
    await bench.steps(1)
    assert bench.source.times[taken:] == [bench.sink.times[0] + 1]


@played
async def patterns(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng, 3))


@played
async def stress(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 8))
