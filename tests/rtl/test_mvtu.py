"""mvtu against spec.xnor and spec.residual, over the shapes, level counts and depths a folding can ask for."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pytest

from rebnet.generate.memory import pieces, threshold_words, weight_words
from rebnet.ir.ops import BitMatrix, Dense, Threshold
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.pixels import pixel_gains
from rebnet.spec.residual import encode_integer
from rebnet.spec.xnor import accumulate, odd_gains
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.memories import Rom
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import clog2

from .features import SmallBanks
from .streams import SEED, Traffic, bench_of, case_name, cut, join, played


class Banked(Mvtu):
    """A unit whose memories stand in banks where they are in block RAM."""

    @property
    def weights(self) -> Rom:
        return SmallBanks(self.weight_bits, self.weight_depth, self.weights_in)

    @property
    def thresholds(self) -> Rom:
        rom = super().thresholds
        return SmallBanks(rom.width, rom.depth, rom.style)


@dataclass(frozen=True)
class Case:
    """A unit, its sets of constants, and its depths: the least that work, or those that never make it wait."""

    unit: Mvtu
    sets: int
    least: bool = False
    planes: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        """Give the unit its numbers."""
        gains = self.dense.gains or ()
        width = self.threshold_bits if self.unit.levels_out else 0
        numbers = Arithmetic(
            self.level_width, gains, clog2(max(map(max, gains)) * max(self.planes) + 1), self.acc_width, self.sets,
            width, self.shift, weight_gains=self.planes,
        )  # fmt: skip
        object.__setattr__(self, "unit", replace(self.unit, arithmetic=numbers))

    @property
    def levels(self) -> int:
        """Levels M of the network."""
        return max(self.unit.levels_out, self.sets) if self.unit.pixels else self.unit.levels_in

    @property
    def served(self) -> tuple[int, ...]:
        return tuple(range(1, self.levels + 1)) if self.sets > 1 else (self.levels,)

    @cached_property
    def dense(self) -> Dense:
        rng, unit = np.random.default_rng(SEED), self.unit
        trained = [int(gain) for gain in rng.integers(1, 10, unit.levels_in)] if unit.levels_in > 1 else [1]
        gains = tuple(
            pixel_gains(unit.levels_in) if unit.pixels else (*trained[:m], *[0] * (unit.levels_in - m))
            for m in self.served
        )
        shape = (len(self.planes), unit.rows, unit.cols) if len(self.planes) > 1 else (unit.rows, unit.cols)
        return Dense(BitMatrix.pack(rng.random(shape) < 0.5, self.planes), 1.0, gains=gains)

    @cached_property
    def threshold(self) -> Threshold:
        """Half of the thresholds where accumulators are, half anywhere in their range."""
        rng, unit = np.random.default_rng(SEED), self.unit
        reaches = np.array(self.dense.reaches)[:, None] << self.shift
        anywhere = rng.integers(-1, reaches + 2, (self.sets, unit.rows))
        thresholds = np.where(rng.random(anywhere.shape) < 0.5, reaches // 2, anywhere)
        shape = (self.sets, unit.rows, max(0, unit.levels_out - 1))
        steps = rng.integers(0, reaches[..., None] + 3, shape) >> rng.integers(0, 5, shape)
        return Threshold(thresholds, steps, self.shift)

    @property
    def shift(self) -> int:
        """Thresholds and steps count units of 2^-shift accumulators."""
        return max(0, self.unit.levels_out - 1)

    @property
    def buffer_depth(self) -> int:
        """Two vectors and a little: the source never waits for the unit's folds."""
        return self.unit.min_buffer_depth if self.least else 2 * self.unit.chunks + 2

    @property
    def out_depth(self) -> int:
        """All words in flight and two folds more: promising places never makes the unit wait."""
        in_flight = math.ceil((self.unit.latency + self.unit.drain_words) / self.unit.chunks)
        return self.unit.min_out_depth if self.least else self.unit.drain_words * (in_flight + 2) + 2

    @property
    def level_width(self) -> int:
        return clog2(self.levels + 1)

    @property
    def acc_width(self) -> int:
        return clog2(max(self.dense.reaches) + 1)

    @property
    def threshold_bits(self) -> int:
        """The fewest that the law allows."""
        reach, levels = max(self.dense.reaches), self.unit.levels_out
        return self.shift + next(bits for bits in range(2, 40) if fits_accumulator(1, reach, levels, bits))

    @property
    def parameters(self) -> dict[str, int | str]:
        unit, gains = self.unit, self.dense.gains or ()
        gain_width = clog2(max(map(max, gains)) * max(self.planes) + 1)
        surplus = [0] * (unit.level_groups * unit.level_lanes - unit.levels_in)
        levels = np.array([(*row, *surplus) for row in gains]).reshape(len(gains), 1, unit.level_groups, 1, -1)
        planes = np.array([*self.planes, *[0] * (-unit.weight_planes % unit.plane_lanes)])
        padded = (levels * planes.reshape(1, unit.plane_groups, 1, unit.plane_lanes, 1)).reshape(-1).tolist()
        return {
            "ROWS": unit.rows,
            "COLS": unit.cols,
            **({"SIDES": unit.sides, "TURNS": unit.turns} if unit.parts > 1 else {}),
            "PE": unit.pe,
            "SIMD": unit.simd,
            "LEVELS_IN": unit.levels_in,
            "LEVELS_OUT": unit.levels_out,
            "LEVEL_LANES": unit.level_lanes,
            **({"WEIGHT_PLANES": unit.weight_planes, "PLANE_LANES": unit.plane_lanes} if len(self.planes) > 1 else {}),
            "SETS": self.sets,
            "THRESHOLD_SETS": self.sets,
            "PIXELS": int(unit.pixels),
            "DRAIN": unit.drain,
            "LEVEL_WIDTH": self.level_width,
            "GAIN_WIDTH": gain_width,
            "MULTIPLY": int(unit.multiplies),
            "ACC_WIDTH": self.acc_width,
            "THRESHOLD_WIDTH": self.threshold_bits,
            "THRESHOLD_SHIFT": self.shift,
            "BUFFER_DEPTH": self.buffer_depth,
            "OUT_DEPTH": self.out_depth,
            "POPCOUNT_STAGES": unit.popcount_stages,
            "WEIGHT_FILE": "weights.hex",
            "WEIGHT_STYLE": unit.weights.style,
            "THRESHOLD_STYLE": unit.thresholds.style,
            **unit.weights.banks("WEIGHT_"),
            **unit.thresholds.banks("THRESHOLD_"),
            "THRESHOLD_FILE": "thresholds.hex" if unit.levels_out else "",
            "GAINS": f"{len(padded) * gain_width}'h{join(padded, gain_width):x}",
        }

    @property
    def files(self) -> dict[str, str]:
        unit = self.unit
        files = pieces("weights.hex", weight_words(self.dense, unit), unit.weights.width, unit.weights.bank)
        if unit.levels_out:
            thresholds = threshold_words(self.threshold, unit, self.threshold_bits)
            files |= pieces("thresholds.hex", thresholds, unit.thresholds.width, unit.thresholds.bank)
        return files

    def traffic(self, rng: np.random.Generator, vectors: int) -> tuple[Traffic, list[int]]:
        """Vectors whose levels change from one to the next, and those levels."""
        unit, gains = self.unit, self.dense.gains or ()
        words, expected, mask, levels = [], [], [], []
        for _ in range(vectors):
            index = int(rng.integers(self.sets))
            m = self.served[index]
            planes = rng.random((unit.levels_in, unit.parts, unit.cols)) < rng.choice([0.5, 0.5, 0.5, 0.0, 1.0])
            fill = np.zeros((unit.levels_in * unit.sides, unit.simd), dtype=np.bool_)
            for turn in np.split(planes, unit.turns, axis=1):
                words += [(word, m) for word in cut(turn.reshape(-1, unit.cols), unit.simd, fill)]
            rows = np.split(self.dense.weights.bits, unit.parts, axis=-2)  # of each group, which sees its own columns
            sums = [accumulate(planes[:, [n]], own, gains[index], self.planes)[0] for n, own in enumerate(rows)]
            total = np.concatenate(sums)
            results = self._results(total, index)
            none = np.zeros((len(results), unit.drain), dtype=np.bool_)
            expected += [(word, m) for word in self._words(results, none)]
            mask += [(word, -1) for word in self._words(np.ones_like(results), none)]
            levels.append(m)
        return Traffic(words, expected, mask), levels

    def _results(self, total: np.ndarray, index: int) -> np.ndarray:
        """What the unit makes of accumulators: codes, planes above m empty, or their own bits."""
        if self.unit.levels_out == 0:
            return ((total >> np.arange(self.acc_width)[:, None]) & 1).astype(np.bool_)
        threshold = self.threshold
        codes = encode_integer(total, threshold.thresholds[index], threshold.steps[index], threshold.shift)
        codes[self.served[index] :] = False
        return codes

    def _words(self, bits: np.ndarray, fill: np.ndarray) -> list[int]:
        if self.unit.levels_out:
            return cut(bits, self.unit.drain, fill)
        width = self.unit.drain * self.acc_width
        return cut(bits.T.reshape(1, -1), width, np.zeros((1, width), dtype=np.bool_))  # element major


def unit(rows: int, cols: int, pe: int, simd: int, *levels: int, pixels: bool = False, parts: int = 1) -> Mvtu:
    """A unit with (levels in, level lanes, levels out)."""
    levels_in, level_lanes, levels_out = levels
    return Mvtu("layer", rows, cols, pe, simd, level_lanes, levels_in, levels_out, pixels, parts=parts)


def planed(unit: Mvtu, sets: int, planes: tuple[int, ...], lanes: int, least: bool = False) -> Case:
    """A unit with weights of several planes."""
    even = len(set(planes)) == 1
    own = replace(unit, weight_planes=len(planes), plane_lanes=lanes, even_planes=even)
    return Case(own, sets, least, planes)


SHAPES = {
    "one of everything": Case(unit(1, 1, 1, 1, 1, 1, 1), sets=1),
    "one column": Case(unit(5, 1, 2, 1, 2, 1, 2), sets=2),
    "one row, four levels in lanes of three": Case(unit(1, 7, 1, 2, 4, 3, 4), sets=4),
    "level by level": Case(unit(6, 10, 2, 3, 2, 1, 2), sets=2),
    "nothing divides": Case(unit(7, 11, 3, 4, 3, 2, 3), sets=3),
    "two rows a word": Case(unit(10, 6, 4, 3, 2, 2, 2), sets=1),
    "words end in surplus rows": Case(unit(9, 5, 4, 5, 3, 1, 3), sets=1),
    "more elements than rows": Case(unit(3, 9, 8, 2, 2, 1, 2), sets=2),
    "one level": Case(unit(8, 5, 3, 5, 1, 1, 1), sets=1),
    "deep popcount": Case(unit(4, 150, 2, 70, 2, 2, 2), sets=2),
    "pixels of 8 bits": Case(unit(6, 12, 2, 5, 8, 8, 2, pixels=True), sets=2),
    "pixels of 4 bits in lanes of three": Case(unit(5, 9, 2, 4, 4, 3, 3, pixels=True), sets=3),
    "pixels of 1 bit": Case(unit(4, 9, 4, 3, 1, 1, 1, pixels=True), sets=1),
    "weights of 2 bits, one by one": planed(unit(7, 11, 3, 4, 3, 2, 3), 3, (2, 1), 1),
    "weights of 3 bits, lanes of two": planed(unit(6, 10, 2, 3, 2, 1, 2), 2, (4, 2, 1), 2),
    "ternary weights, one level": planed(unit(8, 5, 3, 5, 1, 1, 1), 1, (1, 1), 1),
    "ternary weights, side by side": planed(unit(9, 5, 4, 5, 3, 1, 3), 3, (1, 1), 2),
    "weights of 8 bits on pixels of 8 bits": planed(unit(6, 12, 2, 5, 8, 8, 2, pixels=True), 2, odd_gains(8), 1),
    "weights of 4 bits on pixels, all lanes": planed(unit(5, 9, 2, 4, 4, 4, 3, pixels=True), 3, odd_gains(4), 4),
    "residual weights, least depths": planed(unit(5, 7, 2, 3, 2, 1, 2), 2, (7, 3, 2), 1, least=True),
    "last layer of 3 bits": planed(unit(10, 16, 4, 4, 3, 1, 0), 3, (4, 2, 1), 3),
    "last layer": Case(unit(10, 16, 4, 4, 3, 1, 0), sets=3),
    "last layer, surplus lanes": Case(unit(5, 15, 4, 8, 2, 3, 0), sets=2),
    "depthwise, a channel at a time": Case(unit(3, 9, 1, 2, 2, 1, 2, parts=3), sets=2),
    "depthwise, all channels side by side": Case(unit(6, 9, 6, 9, 2, 2, 2, parts=6), sets=2),
    "depthwise, side by side in turns": Case(unit(8, 9, 4, 4, 3, 2, 3, parts=8), sets=3),
    "three of every channel": Case(unit(12, 4, 6, 3, 2, 1, 2, parts=4), sets=1),
    "groups of four, two rows at a time": Case(unit(8, 7, 2, 3, 2, 1, 0, parts=2), sets=2),
    "groups of pixels": Case(unit(6, 5, 2, 2, 8, 8, 2, pixels=True, parts=3), sets=2),
}
LEAST = ("one column", "nothing divides", "two rows a word", "words end in surplus rows", "one level", "last layer")
LEAST += ("depthwise, side by side in turns", "groups of four, two rows at a time")
SHAPES |= {f"{name}, least depths": replace(SHAPES[name], least=True) for name in LEAST}
BLOCK = (
    "one of everything",
    "level by level",
    "words end in surplus rows",
    "pixels of 8 bits",
    "last layer, least depths",
    "one level",
    "nothing divides, least depths",
)
BLOCKS = {"weight_style": "block", "threshold_style": "block"}
SHAPES |= {f"{name}, block": replace(SHAPES[name], unit=replace(SHAPES[name].unit, **BLOCKS)) for name in BLOCK}
BANKS = (
    "level by level",
    "one level",
    "weights of 2 bits, one by one",
    "last layer",
    "depthwise, side by side in turns",
)
SHAPES |= {f"{name}, banks": replace(SHAPES[name], unit=Banked(**(vars(SHAPES[name].unit) | BLOCKS))) for name in BANKS}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_mvtu(simulate: Callable[..., None], case: str) -> None:
    simulate("mvtu", CASES, case, lambda name: SHAPES[name].files)


@played
async def full_speed(dut):
    """Without stalls vectors follow each other without a gap, each in the cycles that geometry.py says."""
    case, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    traffic, levels = case.traffic(np.random.default_rng(SEED), 16)
    await bench.full_speed(traffic)
    first_fold = case.unit.groups(levels[0]) * case.unit.chunks
    assert bench.sink.times[0] == bench.source.times[0] + first_fold + case.unit.latency
    if case.least:
        return
    ends = bench.sink.times[case.unit.out_words - 1 :: case.unit.out_words]
    assert [after - before for before, after in pairwise(ends)] == [case.unit.cycles(m) for m in levels[1:]]


@played
async def promised_places(dut):
    """Nobody reads: everything that was promised a place finds it, and comes out whole afterwards."""
    case, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    vectors = 4 + 2 * case.out_depth // case.unit.out_words
    traffic, _ = case.traffic(np.random.default_rng(SEED + 1), vectors)
    waiting = 3 * case.unit.cycles(case.levels) + case.out_depth * case.unit.chunks * case.unit.groups_max
    blocked = (cycle >= waiting for cycle in range(1_000_000))
    await bench.play(traffic, iter(lambda: True, None), blocked)


@played
async def patterns(dut):
    case, bench, rng = SHAPES[case_name()], bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: case.traffic(rng, 3)[0])


@played
async def stress(dut):
    case, bench, rng = SHAPES[case_name()], bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: case.traffic(rng, 12)[0])
