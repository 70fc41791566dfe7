"""rescale against spec.rescale: accumulators become features, a word per cycle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import pieces, to_bits
from rebnet.spec.rescale import rescale, rescaled_bounds
from rebnet.spec.scores import SCALE_BITS
from rebnet.stages.features import RESCALE
from rebnet.stages.memories import Rom
from rebnet.stages.numbers import clog2
from rebnet.stages.timing import Timing

from .features import planes_of, promised_places, rom_in
from .streams import SEED, Traffic, bench_of, case_name, join, played, to_word

LEVEL_WIDTH = 2


@dataclass(frozen=True)
class Case:
    """Rows, lanes and reaches, one a set; the largest A_c and B_c, the shift, and bits of C_c that are of no use."""

    rows: int
    lanes: int
    reaches: tuple[int, ...]
    most_scale: int
    most_bias: int
    shift: int
    surplus: int = 0
    style: str = "distributed"

    @property
    def constants(self) -> tuple[np.ndarray, np.ndarray]:
        """A_c and B_c of shape (sets, rows), at the ends of their ranges too."""
        rng = np.random.default_rng(SEED + self.rows)
        shape = (len(self.reaches), self.rows)
        scale, bias = (rng.integers(-most, most + 1, shape) for most in (self.most_scale, self.most_bias))
        scale[0, 0], bias[0, 0] = -self.most_scale, -self.most_bias
        scale[-1, -1], bias[-1, -1] = self.most_scale, self.most_bias
        return scale, bias

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the largest feature."""
        ends = [
            rescaled_bounds(reach, scale, bias, self.shift)
            for reach, scale, bias in zip(self.reaches, *self.constants, strict=True)
        ]
        return min(low for low, _ in ends), max(high for _, high in ends)

    @property
    def planes(self) -> int:
        low, high = self.bounds
        return max(1, clog2(high - low + 1))

    @property
    def constant_width(self) -> int:
        return self.shift + self.planes + self.surplus

    @property
    def parameters(self) -> dict[str, int | str]:
        return {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "SETS": len(self.reaches),
            "LEVEL_WIDTH": LEVEL_WIDTH,
            "ACC_WIDTH": clog2(max(self.reaches) + 1),
            "PLANES": self.planes,
            "SHIFT": self.shift,
            "CONSTANT_WIDTH": self.constant_width,
            "CONSTANT_FILE": "constants.hex",
            "STYLE": self.rom.style,
            **self.rom.banks(),
        }

    @property
    def rom(self) -> Rom:
        width, depth = self.lanes * (SCALE_BITS + self.constant_width), -(-self.rows // self.lanes)
        return rom_in(self.style, width, len(self.reaches) * depth)

    @property
    def timing(self) -> Timing:
        return RESCALE.behind(self.rom)

    @property
    def files(self) -> dict[str, str]:
        scale, bias = self.constants
        constant = bias - scale * np.array(self.reaches)[:, None] - (self.bounds[0] << self.shift)
        lanes = np.concatenate([to_bits(scale, SCALE_BITS), to_bits(constant, self.constant_width)], axis=-1)
        lanes = np.pad(lanes, ((0, 0), (0, -self.rows % self.lanes), (0, 0)))
        return pieces("constants.hex", lanes.reshape(-1, self.rom.width), self.rom.width, self.rom.bank)


LARGEST = 2 ** (SCALE_BITS - 1) - 1
SHAPES = {
    "one lane": Case(5, 1, (255,), LARGEST, 1 << 24, 15),
    "lanes do not divide, three sets": Case(7, 3, (85, 170, 255), LARGEST, 1 << 26, 17, style="block"),
    "three sets in banks": Case(7, 2, (85, 170, 255), LARGEST, 1 << 26, 17, style="banks"),
    "more lanes than rows, more bits than of use": Case(2, 4, (1000, 400), LARGEST, 1 << 30, 20, surplus=9),
    "no shift": Case(4, 2, (90,), 3, 40, 0),
    "a product wider than the sum": Case(6, 2, (4000,), 5, 700, 9),
    "one bit": Case(1, 1, (30,), 2, 3, 8),
    "the largest shift": Case(9, 4, (12, 30), LARGEST, 1 << 42, 40),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_rescale(simulate: Callable[..., None], case: str) -> None:
    simulate("rescale", CASES, case, lambda name: SHAPES[name].files)


def traffic(rng: np.random.Generator, vectors: int) -> Traffic:
    """Vectors of images of other levels each, accumulators at the ends of their ranges among them."""
    case = SHAPES[case_name()]
    width, (low, _) = clog2(max(case.reaches) + 1), case.bounds
    words, expected, mask = [], [], []
    surplus = -case.rows % case.lanes
    counts = np.pad(np.ones((case.planes, case.rows), dtype=np.bool_), ((0, 0), (0, surplus)))
    for vector in range(vectors):
        index = int(rng.integers(len(case.reaches)))
        reach, levels = case.reaches[index], index + 1
        ends = [0, reach][vector % 2] if vector < 6 else 0
        accumulators = np.full(case.rows, ends) if vector < 6 else rng.integers(0, reach + 1, case.rows)
        features = rescale(2 * accumulators - reach, *(each[index] for each in case.constants), case.shift) - low
        planes = np.pad(planes_of(features, case.planes), ((0, 0), (0, surplus)))
        full = np.concatenate([accumulators, rng.integers(0, 1 << width, surplus)])  # nonsense beyond the last row
        for first in range(0, case.rows, case.lanes):
            lanes = slice(first, first + case.lanes)
            words.append((join(full[lanes], width), levels))
            expected.append((to_word(planes[:, lanes]), levels))
            mask.append((to_word(counts[:, lanes]), (1 << LEVEL_WIDTH) - 1))
    return Traffic(words, expected, mask)


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
