"""sum_pool against spec.features.sum_pool: the sums of every window, out of maps that come in by rows."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rebnet.spec.features import sum_pool
from rebnet.spec.residual import code
from rebnet.spec.window import Window
from rebnet.stages.window import POOL_LATENCY, WINDOW_DEPTH

from .features import planes_of
from .lines import Shape, gapless, schedule
from .streams import SEED, bench_of, case_name, played, to_word

MAPS = 4
OFFSET = -11
"""What a feature of code 0 is."""


@dataclass(frozen=True)
class Sums(Shape):
    """Windows that are summed: `planes` bits of a feature, `more` of a sum."""

    more: int = 0
    pool: bool = True

    @property
    def parameters(self) -> dict[str, int | str]:
        return {**super().parameters, "PLANES_OUT": self.planes + self.more}

    def maps(self, rng: np.random.Generator, images: int) -> tuple[list[np.ndarray], list[int]]:
        """Features as bit planes, as large as the sums allow in the first map, and the levels of their images."""
        limit = min((1 << self.planes) - 1, ((1 << self.planes + self.more) - 1) // self.window.area)
        shape = (1, self.height, self.width, self.channels)
        codes = [np.full(shape, limit), *(rng.integers(0, limit + 1, shape) for _ in range(images - 1))]
        planes = [planes_of(features.ravel(), self.planes).reshape(self.planes, *shape) for features in codes]
        return planes, [int(level) for level in rng.integers(1, self.planes + 1, images)]

    def words_pooled(self, planes: np.ndarray) -> list[int]:
        """Words of the sums."""
        sums = sum_pool(code(planes) + OFFSET, self.window) - OFFSET * self.window.area
        return [to_word(planes_of(word, self.planes + self.more)) for word in sums.reshape(-1, self.word)]


# At the least depth unless they say otherwise.
SHAPES = {
    "2x2/2": Sums(Window(2, 2), 6, 8, 4, 2, planes=6, more=2),
    "2x2/2, whole windows, odd map, four writes": Sums(Window(2, 2), 5, 7, 3, 3, 5, reads=4, writes=4, more=2),
    "3x3/2, two of nine at a time, parts": Sums(Window(3, 2), 7, 9, 6, 2, planes=4, reads=2, more=4),
    "3x3, whole windows of parts, no bit more": Sums(Window(3, 1), 4, 5, 4, 1, planes=5, reads=9),
    "2x2/3, rows and columns that no window needs": Sums(Window(2, 3), 7, 6, 3, 3, planes=3, writes=2, more=2),
    "1x1 of parts": Sums(Window(1, 1), 2, 3, 6, 2),
    "3x1/2x1": Sums(Window((3, 1), (2, 1)), 7, 4, 4, 2, planes=4, reads=2, more=2),
    "one window, one plane": Sums(Window(4, 1), 4, 4, 2, 2, planes=1, reads=5, more=4),
}
SHAPES["3x3/2, room for maps"] = replace(SHAPES["3x3/2, two of nine at a time, parts"], extra=None)
CASES = {name: shape.parameters for name, shape in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_sum_pool(simulate: Callable[..., None], case: str) -> None:
    simulate("sum_pool", CASES, case)


@played
async def full_speed(dut):
    """Every word goes in and out in the cycle that the model says; a reader that is the slower side never rests."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    await bench.full_speed(shape.traffic(np.random.default_rng(SEED), MAPS))
    writes, reads = schedule(shape, MAPS)
    assert bench.source.times == writes
    sums = [cycle for cycle, beat in zip(reads, itertools.cycle(shape.beats), strict=False) if beat.last]
    assert bench.sink.times == [cycle + POOL_LATENCY for cycle in sums]
    if shape.extra is None and len(shape.beats) >= shape.map_writes:
        assert gapless(reads[len(shape.beats) :])


@played
async def promised_places(dut):
    """Nobody reads: as much goes in as there is room for, and comes out whole afterwards."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    traffic = shape.traffic(np.random.default_rng(SEED + 1), MAPS)
    beats = list(itertools.accumulate(beat.last for beat in shape.beats * MAPS))
    writes, _ = schedule(shape, MAPS, sum(sums <= WINDOW_DEPTH for sums in beats))
    bench.source.play(traffic.words, itertools.repeat(True))
    bench.sink.play(itertools.repeat(False))
    await bench.steps(writes[-1] + 50)
    assert bench.source.times == writes
    await bench.reset()
    blocked = itertools.chain(itertools.repeat(False, writes[-1] + 50), itertools.repeat(True))
    await bench.play(traffic, itertools.repeat(True), blocked)


@played
async def stress(dut):
    shape, bench, rng = SHAPES[case_name()], bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: shape.traffic(rng, 5))
