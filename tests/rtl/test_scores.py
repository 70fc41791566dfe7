"""scores against spec.scores: signed scores, one a beat, last on the last."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import score_words, to_hex
from rebnet.ir.ops import BitMatrix, Dense, Scores
from rebnet.spec.scores import SCALE_BITS, score_bits, scores
from rebnet.stages.ends import SCORES_DEPTH, SCORES_LATENCY
from rebnet.stages.numbers import clog2

from .streams import PATTERNS, SEED, Sink, Source, StreamBench, Traffic, case_name, join, played

COLUMNS = 9
THRESHOLD_BITS = 9


@dataclass(frozen=True)
class Case:
    """Rows, accumulators a word, levels of a network that serves all of them if `sets` is not 1, places of the map."""

    rows: int
    lanes: int
    levels: int
    sets: int
    places: int = 1

    @property
    def layer(self) -> tuple[Dense, Scores]:
        """A last layer whose constants reach the ends of their ranges."""
        rng = np.random.default_rng(SEED + self.rows)
        limit_a, limit_b = 2 ** (SCALE_BITS - 1) - 1, 2 ** (THRESHOLD_BITS + SCALE_BITS - 1) - 1
        scale = rng.integers(-limit_a, limit_a + 1, (self.sets, self.rows))
        bias = rng.integers(-limit_b, limit_b + 1, (self.sets, self.rows))
        scale[0, 0], bias[0, 0] = -limit_a, -limit_b
        scale[-1, -1], bias[-1, -1] = limit_a, limit_b
        weights = BitMatrix.pack(np.ones((self.rows, COLUMNS), dtype=np.bool_))
        gains = tuple(tuple(2 * (i < m) for i in range(self.levels)) for m in self.served)
        return Dense(weights, 1.0, gains=gains), Scores(scale, bias)

    @property
    def served(self) -> tuple[int, ...]:
        return tuple(range(1, self.levels + 1)) if self.sets > 1 else (self.levels,)

    @property
    def parameters(self) -> dict[str, int | str]:
        dense, _ = self.layer
        return {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "PLACES": self.places,
            "SETS": self.sets,
            "LEVEL_WIDTH": clog2(self.levels + 1),
            "ACC_WIDTH": clog2(max(dense.reaches) + 1),
            "SCORE_WIDTH": score_bits(THRESHOLD_BITS),
            "CONSTANT_FILE": "scores.hex",
        }


SHAPES = {
    "one a word": Case(rows=10, lanes=1, levels=1, sets=1),
    "lanes do not divide, three sets": Case(rows=7, lanes=3, levels=3, sets=3),
    "one row": Case(rows=1, lanes=1, levels=2, sets=2),
    "more lanes than rows": Case(rows=2, lanes=4, levels=2, sets=1),
    "a map, lanes do not divide": Case(rows=5, lanes=2, levels=2, sets=2, places=6),
    "a map of one score each": Case(rows=1, lanes=1, levels=1, sets=1, places=5),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_scores(simulate: Callable[..., None], case: str) -> None:
    simulate("scores", CASES, case, images)


def images(case: str) -> dict[str, str]:
    dense, constants = SHAPES[case].layer
    return {"scores.hex": to_hex(score_words(constants, dense, score_bits(THRESHOLD_BITS)))}


def bench_of(dut) -> StreamBench:
    return StreamBench(
        dut,
        Source(dut.in_valid, dut.in_ready, [dut.in_data, dut.in_levels]),
        Sink(dut.out_valid, dut.out_ready, [dut.out_data, dut.out_last, dut.out_levels]),
    )


def traffic(rng: np.random.Generator, images: int) -> Traffic:
    case = SHAPES[case_name()]
    dense, constants = case.layer
    width, score_width = clog2(max(dense.reaches) + 1), score_bits(THRESHOLD_BITS)
    words, expected = [], []
    for _ in range(images):
        index = int(rng.integers(case.sets))
        levels, reach = case.served[index], dense.reaches[index]
        accumulators = rng.choice([0, reach, *range(reach + 1)], (case.places, case.rows))
        for accumulator in accumulators:
            nonsense = rng.integers(0, 1 << width, case.lanes)  # in lanes beyond the last row
            full = np.concatenate([accumulator, nonsense])
            for first in range(0, case.rows, case.lanes):
                words.append((join(full[first : first + case.lanes], width), levels))
        values = scores(accumulators, reach, constants.scale[index], constants.bias[index]).flatten()
        for beat, value in enumerate(values):
            expected.append((join([value], score_width), int(beat == len(values) - 1), levels))
    return Traffic(words, expected)


@played
async def full_speed(dut):
    """One score per cycle, SCORES_LATENCY cycles after its accumulator was there."""
    bench = bench_of(dut)
    await bench.start()
    images = traffic(np.random.default_rng(SEED), 20)
    await bench.full_speed(images)
    first = SCORES_LATENCY
    assert bench.sink.times == list(range(first, first + len(images.expected)))
    assert bench.source.times[0] == min(SHAPES[case_name()].lanes, SHAPES[case_name()].rows) - 1


@played
async def places(dut):
    """Nobody reads: SCORES_DEPTH scores are promised a place, and no more."""
    case, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    images = traffic(np.random.default_rng(SEED), 20)
    bench.source.play(images.words, PATTERNS["always"]())
    await bench.steps(40)
    whole, rest = divmod(SCORES_DEPTH, case.rows)
    assert len(bench.source.times) == whole * math.ceil(case.rows / case.lanes) + rest // case.lanes


@played
async def patterns(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng, 8))


@played
async def stress(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 40))
