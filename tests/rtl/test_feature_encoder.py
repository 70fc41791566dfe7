"""feature_encoder against spec.residual.encode_integer: features become codes, a word per cycle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import encoder_constants, pieces, to_bits
from rebnet.ir.ops import Threshold
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.residual import encode_integer, steps_of
from rebnet.stages.features import encoder_timing
from rebnet.stages.memories import Rom
from rebnet.stages.numbers import clog2
from rebnet.stages.timing import Timing

from .features import planes_of, promised_places, rom_in
from .streams import SEED, Traffic, bench_of, case_name, played, to_word

OFFSET = -77
"""What a feature of number 0 is."""


@dataclass(frozen=True)
class Case:
    """Rows, lanes, levels, whether fewer of them are served, the largest number of a feature, units of thresholds."""

    rows: int
    lanes: int
    levels: int
    served: bool
    reach: int
    shift: int = 0
    uniform: bool = False
    style: str = "distributed"
    tree: bool = False

    @property
    def sets(self) -> int:
        return self.levels if self.served else 1

    @property
    def width(self) -> int:
        """The fewest bits of thresholds that the law allows."""
        bits = (bits for bits in range(2, 40) if fits_accumulator(1, self.reach, self.levels, bits))
        return self.shift + next(bits)

    @property
    def constants(self) -> tuple[np.ndarray, np.ndarray]:
        """Thresholds (sets, rows) and steps (sets, rows, steps) of a feature's number."""
        rng = np.random.default_rng(SEED + self.rows)
        reach, shape = self.reach << self.shift, (self.sets, 1 if self.uniform else self.rows)
        thresholds = rng.integers(-1, reach + 2, shape)
        count = steps_of(self.levels, self.tree)
        steps = rng.integers(0, reach + 3, (*shape, count)) >> rng.integers(0, 5, (*shape, count))
        thresholds[0, 0], steps[0, 0] = reach + 1, reach + 2
        thresholds[-1, -1], steps[-1, -1] = -1, reach + 2
        return thresholds, steps

    @property
    def parameters(self) -> dict[str, int | str]:
        return {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "PLANES": clog2(self.reach + 1),
            "LEVELS": self.levels,
            "SETS": self.sets,
            "LEVEL_WIDTH": clog2(self.levels + 1),
            "THRESHOLD_WIDTH": self.width,
            "SHIFT": self.shift,
            "UNIFORM": int(self.uniform),
            "STEP_TREE": int(self.tree),
            "THRESHOLD_FILE": "thresholds.hex",
            "STYLE": self.rom.style,
            **self.rom.banks(),
        }

    @property
    def rom(self) -> Rom:
        lanes, words = (1, 1) if self.uniform else (self.lanes, -(-self.rows // self.lanes))
        width = lanes * (1 + steps_of(self.levels, self.tree)) * self.width
        return rom_in(self.style, width, self.sets * words)

    @property
    def timing(self) -> Timing:
        return encoder_timing(self.levels).behind(self.rom)

    @property
    def files(self) -> dict[str, str]:
        constants = encoder_constants(Threshold(*self.constants, self.shift, self.tree))
        numbers = to_bits(constants, self.width)
        lanes = 1 if self.uniform else self.lanes
        numbers = np.pad(numbers, ((0, 0), (0, -numbers.shape[1] % lanes), (0, 0), (0, 0)))
        return pieces("thresholds.hex", numbers.reshape(-1, self.rom.width), self.rom.width, self.rom.bank)


SHAPES = {
    "one level": Case(6, 2, 1, served=False, reach=60),
    "two levels, lanes do not divide": Case(7, 3, 2, served=True, reach=300, style="block"),
    "three levels in banks": Case(7, 2, 3, served=True, reach=300, style="banks"),
    "three levels of units of 1/8, whole vectors": Case(4, 4, 3, served=True, reach=100, shift=3),
    "four levels, more lanes than rows": Case(2, 5, 4, served=False, reach=31),
    "two levels, the same for all channels": Case(5, 2, 2, served=True, reach=200, uniform=True),
    "three fixed levels, the same for all channels": Case(4, 2, 3, served=False, reach=50, shift=1, uniform=True),
    "three levels, a tree of steps": Case(5, 2, 3, served=True, reach=90, tree=True),
    "two fixed levels, a tree of steps, the same for all channels": Case(
        4, 2, 2, served=False, reach=50, shift=1, uniform=True, tree=True
    ),
    "features of one bit": Case(3, 1, 1, served=False, reach=1, shift=4),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_feature_encoder(simulate: Callable[..., None], case: str) -> None:
    simulate("feature_encoder", CASES, case, lambda name: SHAPES[name].files)


def traffic(rng: np.random.Generator, vectors: int) -> Traffic:
    """Vectors of images of other levels each; features at the ends of their range and at thresholds among them."""
    case = SHAPES[case_name()]
    planes, level_width = clog2(case.reach + 1), clog2(case.levels + 1)
    constants = [np.broadcast_to(each, (each.shape[0], case.rows, *each.shape[2:])) for each in case.constants]
    surplus = -case.rows % case.lanes
    counts = np.pad(np.ones((case.levels, case.rows), dtype=np.bool_), ((0, 0), (0, surplus)))
    words, expected, mask = [], [], []
    for _ in range(vectors):
        index = int(rng.integers(case.sets))
        thresholds, steps = (each[index] for each in constants)
        levels = index + 1 if case.served else case.levels
        numbers = np.where(
            rng.random(case.rows) < 0.3,
            np.clip((thresholds >> case.shift) + rng.integers(0, 2, case.rows), 0, case.reach),
            rng.choice([0, case.reach, *range(case.reach + 1)], case.rows),
        )
        codes = encode_integer(numbers + OFFSET, thresholds + (OFFSET << case.shift), steps, case.shift, tree=case.tree)
        codes[levels:] = False
        codes = np.pad(codes, ((0, 0), (0, surplus)))
        nonsense = rng.integers(0, 1 << planes, surplus)  # in lanes beyond the last row
        features = planes_of(np.concatenate([numbers, nonsense]), planes)
        for first in range(0, case.rows, case.lanes):
            lanes = slice(first, first + case.lanes)
            words.append((to_word(features[:, lanes]), levels))
            expected.append((to_word(codes[:, lanes]), levels))
            mask.append((to_word(counts[:, lanes]), (1 << level_width) - 1))
    return Traffic(words, expected, mask)


@played
async def full_speed(dut):
    """A word per cycle, a register a level and two more from input to output."""
    bench, case = bench_of(dut), SHAPES[case_name()]
    await bench.start()
    vectors = traffic(np.random.default_rng(SEED), 30)
    await bench.full_speed(vectors)
    assert bench.source.times == list(range(len(vectors.words)))
    assert bench.sink.times == [time + case.timing.latency for time in bench.source.times]


@played
async def places(dut):
    bench, depth = bench_of(dut), SHAPES[case_name()].timing.places
    await bench.start()
    await promised_places(bench, traffic(np.random.default_rng(SEED), 30).words, depth)


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
