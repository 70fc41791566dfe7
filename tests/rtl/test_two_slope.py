"""two_slope against spec.two_slope: features bent where they are negative, a word per cycle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import pieces, two_slope_words
from rebnet.ir.features import TwoSlope
from rebnet.spec.two_slope import SLOPE_BITS, two_slope
from rebnet.stages.branches import signed_bits
from rebnet.stages.memories import Rom
from rebnet.stages.ranges import Range
from rebnet.stages.timing import Timing
from rebnet.stages.two_slope import TWO_SLOPE, TwoSlopeUnit

from .features import planes_of, promised_places, rom_in
from .streams import SEED, Traffic, bench_of, case_name, played, to_word

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """Rows, lanes and the least and largest feature; the largest slope and shift of y, the places of a slope."""

    rows: int
    lanes: int
    low: int
    high: int
    most_slope: int
    most_shift: int
    shift: int
    surplus: int = 0
    style: str = "distributed"

    @property
    def op(self) -> TwoSlope:
        """Slopes and shifts at the ends of their ranges too."""
        rng = np.random.default_rng(SEED + self.rows)
        slope = rng.integers(-self.most_slope, self.most_slope + 1, self.rows)
        before, after = rng.integers(-self.most_shift, self.most_shift + 1, (2, self.rows))
        slope[0], before[0], after[0] = -self.most_slope - 1, -self.most_shift, -self.most_shift
        slope[-1], before[-1], after[-1] = self.most_slope, self.most_shift, self.most_shift
        return TwoSlope(slope, before, after, self.shift)

    @property
    def come(self) -> Range:
        return Range(self.low, self.high - self.low)

    @property
    def leave(self) -> Range:
        low, high = self.op.bounds(self.low, self.high)
        return Range(low, high - low)

    @property
    def unit(self) -> TwoSlopeUnit:
        op = self.op
        sums = np.concatenate([self.low + op.before, self.high + op.before])
        widths = self.come.bits, self.leave.bits, signed_bits(sums) + self.surplus, signed_bits(op.slope) + self.surplus
        return TwoSlopeUnit("bend", self.rows, self.lanes, self.rows, LEVEL_WIDTH, *widths, self.shift)

    @property
    def parameters(self) -> dict[str, int | str]:
        own = {"STYLE": self.rom.style, **self.rom.banks(), "CONSTANT_FILE": "constants.hex"}
        return {**self.unit.module({}).parameters, **own}

    @property
    def rom(self) -> Rom:
        return rom_in(self.style, self.unit.rom.width, self.unit.rom.depth)

    @property
    def timing(self) -> Timing:
        return TWO_SLOPE.behind(self.rom)

    @property
    def files(self) -> dict[str, str]:
        words = two_slope_words(self.op, self.come, self.leave, self.unit)
        return pieces("constants.hex", words, self.rom.width, self.rom.bank)


LARGEST = 2 ** (SLOPE_BITS - 1) - 1
SHAPES = {
    "one lane": Case(5, 1, -200, 255, LARGEST, 60, 15),
    "lanes do not divide": Case(7, 3, -90, 130, LARGEST, 40, 13, style="block"),
    "banks": Case(11, 2, -90, 130, LARGEST, 40, 13, style="banks"),
    "more lanes than rows, more bits than of use": Case(2, 4, -30, 9, 5000, 12, 12, surplus=5),
    "no shift": Case(4, 2, -20, 11, 3, 4, 0),
    "never negative, one bit": Case(3, 2, 7, 8, 0, 2, 15),
    "always negative": Case(6, 2, -4000, -3000, 900, 7, 9),
    "a product narrower than the result": Case(9, 4, -3, 200, 1, 500, 14),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_two_slope(simulate: Callable[..., None], case: str) -> None:
    simulate("two_slope", CASES, case, lambda name: SHAPES[name].files)


def traffic(rng: np.random.Generator, vectors: int) -> Traffic:
    """Vectors of images of other levels each; the first are all of one number, the least, the largest, about 0."""
    case = SHAPES[case_name()]
    unit, op, surplus = case.unit, case.op, -case.rows % case.lanes
    words, expected, mask = [], [], []
    counts = np.pad(np.ones((unit.planes_out, case.rows), dtype=np.bool_), ((0, 0), (0, surplus)))
    firsts = [case.low, case.high, *(int(np.clip(near, case.low, case.high)) for near in (-1, 0, 1))]
    for vector in range(vectors):
        levels = int(rng.integers(1 << LEVEL_WIDTH))
        alike = vector < len(firsts)
        z = np.full(case.rows, firsts[vector]) if alike else rng.integers(case.low, case.high + 1, case.rows)
        bent = two_slope(z, op.slope, op.before, op.after, op.shift)
        given = np.concatenate([z - case.low, rng.integers(0, case.high - case.low + 1, surplus)])  # nonsense at last
        planes, results = planes_of(given, unit.planes), planes_of(bent - case.leave.offset, unit.planes_out)
        results = np.pad(results, ((0, 0), (0, surplus)))
        for first in range(0, case.rows, case.lanes):
            lanes = slice(first, first + case.lanes)
            words.append((to_word(planes[:, lanes]), levels))
            expected.append((to_word(results[:, lanes]), levels))
            mask.append((to_word(counts[:, lanes]), (1 << LEVEL_WIDTH) - 1))
    return Traffic(words, expected, mask)


def test_the_cases_hold_both_forms_of_the_product() -> None:
    """Narrower and wider than what is left of it."""
    units = [case.unit for case in SHAPES.values()]
    narrower = {unit.sum_width + unit.slope_width < unit.shift + unit.planes_out for unit in units}
    assert narrower == {True, False}


@played
async def full_speed(dut):
    """A word per cycle, as many cycles from input to output."""
    bench, timing = bench_of(dut), SHAPES[case_name()].timing
    await bench.start()
    vectors = traffic(np.random.default_rng(SEED), 30)
    await bench.full_speed(vectors)
    assert bench.source.times == list(range(len(vectors.words)))
    assert bench.sink.times == [time + timing.latency for time in bench.source.times]


@played
async def places(dut):
    bench, timing = bench_of(dut), SHAPES[case_name()].timing
    await bench.start()
    await promised_places(bench, traffic(np.random.default_rng(SEED), 30).words, timing.places)


@played
async def patterns(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng, 12))


@played
async def stress(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 60))
