"""depth_to_space against spec.depth_to_space: blocks of pixels whose channels were one pixel's, a word per cycle."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.spec.depth_to_space import depth_to_space
from rebnet.stages.upsample import UPSAMPLE

from .streams import SEED, Traffic, bench_of, case_name, played

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """The block, pixels of a row, words of a pixel and lanes; words of the memory beyond the fewest."""

    block: int
    pixels: int
    words: int
    lanes: int
    planes: int = 2
    surplus: int = 0
    sets: int = 1
    style: str = "distributed"

    @property
    def depth(self) -> int:
        return self.words * self.pixels + self.surplus

    @property
    def readings(self) -> int:
        """Words that a word becomes."""
        return self.block**2

    @property
    def parameters(self) -> dict[str, int | str]:
        return {
            "LANES": self.lanes,
            "PLANES": self.planes,
            "BLOCK": self.block,
            "PIXELS": self.pixels,
            "WORDS": self.words,
            "SETS": self.sets,
            "LEVEL_WIDTH": LEVEL_WIDTH,
            "DEPTH": self.depth,
            "STYLE": self.style,
        }


SHAPES = {
    "2x2, whole pixels": Case(2, 5, 1, 3),
    "2x2, parts of pixels": Case(2, 4, 3, 2, planes=3, surplus=5, sets=3, style="block"),
    "3x3, one lane": Case(3, 3, 2, 1, planes=1, sets=2),
    "2x2, a single word": Case(2, 1, 1, 1, planes=1),
    "2x2, a single pixel": Case(2, 1, 2, 4, planes=9, surplus=40, sets=3),
    "4x4, wide words": Case(4, 2, 1, 5, planes=4),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_depth_to_space(simulate: Callable[..., None], case: str) -> None:
    simulate("depth_to_space", CASES, case)


def number(planes: np.ndarray) -> int:
    """A word as a number: plane p of element e at [p*elements + e]."""
    return sum(1 << int(place) for place in np.flatnonzero(planes.ravel()))


def traffic(rng: np.random.Generator, rows: int = 6) -> Traffic:
    """Rows of maps back to back, of other levels each where these may change."""
    case = SHAPES[case_name()]
    levels = rng.integers(1, 4, rows) if case.sets > 1 else np.full(rows, 2)
    channels = case.words * case.lanes * case.readings
    maps = rng.integers(0, 2, (case.planes, rows, case.pixels, channels)) > 0
    return Traffic(stream(maps, levels, case.words), stream(depth_to_space(maps, case.block), levels, case.words))


def stream(maps: np.ndarray, levels: np.ndarray, words: int) -> list[tuple[int, int]]:
    """The words of the rows of a map, with the levels of the row that each comes from."""
    _, rows, pixels, channels = maps.shape
    times = rows // len(levels)
    parts = maps.reshape(-1, rows, pixels, words, channels // words)
    return [
        (number(parts[:, row, pixel, word]), int(levels[row // times]))
        for row, pixel, word in itertools.product(range(rows), range(pixels), range(words))
    ]


@played
async def full_speed(dut):
    """A word leaves per cycle from the first one on; a memory of a single word pauses until the next one is there."""
    streams, case = bench_of(dut), SHAPES[case_name()]
    await streams.start()
    await streams.full_speed(traffic(np.random.default_rng(SEED)))
    places = np.arange(6 * case.pixels * case.words * case.readings)
    pauses = places // case.readings if case.depth == 1 else np.zeros_like(places)
    assert streams.sink.times == (1 + UPSAMPLE.latency + places + pauses).tolist()


@played
async def places(dut):
    """Nobody reads: the memory fills, and takes as many more as UPSAMPLE.places readings have done with: none."""
    streams, case = bench_of(dut), SHAPES[case_name()]
    await streams.start()
    streams.source.play(traffic(np.random.default_rng(SEED), 40).words, itertools.repeat(True))
    await streams.steps(case.depth + 40)
    done = UPSAMPLE.places // case.readings if case.pixels * case.words == 1 else 0
    assert len(streams.source.times) == case.depth + done
    assert int(dut.rows.count_q.value) == case.depth


@played
async def patterns(dut):
    streams, rng = bench_of(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.patterns(lambda: traffic(rng, 3))


@played
async def stress(dut):
    streams, rng = bench_of(dut), np.random.default_rng(SEED)
    await streams.start()
    await streams.stress(lambda: traffic(rng, 20))
