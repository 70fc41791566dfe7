"""unrolled against spec.xnor and spec.residual: layers whose weights are wires, a vector per cycle."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from rebnet.generate.wires import wires
from rebnet.spec.residual import encode_among
from rebnet.spec.xnor import accumulate
from rebnet.stages.numbers import clog2
from rebnet.stages.timing import count_stages, unrolled_timing

from .features import promised_places
from .streams import SEED, Traffic, bench_of, case_name, join, played, to_word

LEVELS = 1
"""Those of every image; unrolled networks serve one level count."""


@dataclass(frozen=True)
class Case:
    """Rows, columns, gains of the input's planes, M of the codes (0: accumulators), and how many weights are 1."""

    rows: int
    columns: int
    gains: tuple[int, ...] = (1,)
    levels: int = 1
    share: float = 0.5

    @property
    def reach(self) -> int:
        return self.columns * sum(self.gains)

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights, some rows all of one kind."""
        rng = np.random.default_rng(SEED + self.columns)
        weights = rng.random((self.rows, self.columns)) < self.share
        weights[0] = True
        weights[-1] = False
        return weights

    @cached_property
    def boundaries(self) -> np.ndarray | None:
        """Where codes begin: near the middle, some never and some always, some at the same accumulator."""
        if self.levels == 0:
            return None
        rng = np.random.default_rng(SEED + self.rows)
        spread = max(1, self.reach // 4)
        middle = rng.integers(self.reach // 2 - spread, self.reach // 2 + spread + 1, (self.rows, 2**self.levels - 1))
        found = np.clip(np.sort(middle, axis=1), 0, self.reach + 1)
        found[0, -1] = self.reach + 1
        found[-1, 0] = 0
        return found

    @property
    def parameters(self) -> dict[str, int | str]:
        gain_width, acc_width = clog2(max(self.gains) + 1), clog2(self.reach + 1)
        return {
            "ROWS": self.rows,
            "COLS": self.columns,
            "LEVELS_IN": len(self.gains),
            "LEVELS_OUT": self.levels,
            "LEVEL_WIDTH": 2,
            "GAIN_WIDTH": gain_width,
            "ACC_WIDTH": acc_width,
            "COUNT_STAGES": count_stages(self.columns),
            **wires(self.weights, self.gains, self.boundaries, gain_width, acc_width),
        }


SHAPES = {
    "one level": Case(5, 20),
    "one input": Case(3, 1),
    "one row": Case(1, 9, (1, 1), 2),
    "accumulators": Case(4, 30, levels=0),
    "two levels, gains that are looked up": Case(6, 33, (170, 85), 2),
    "more counts than a table has": Case(3, 140, (11, 5), 1),
    "pixels": Case(5, 16, (8, 4, 2, 1), 2),
    "accumulators of three levels": Case(4, 12, (37, 18, 9), 0),
    "four levels": Case(3, 50, (3,), 4, 0.8),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_unrolled(simulate: Callable[..., None], case: str) -> None:
    simulate("unrolled", CASES, case)


def traffic(rng: np.random.Generator, vectors: int) -> Traffic:
    """Vectors, of all bits 0 and 1 too, and the codes or accumulators of their rows."""
    case = SHAPES[case_name()]
    planes = rng.random((len(case.gains), vectors, case.columns)) < rng.random((1, vectors, 1))
    accumulators = accumulate(planes, case.weights, case.gains)
    words = [(to_word(planes[:, vector]), LEVELS) for vector in range(vectors)]
    if case.boundaries is None:
        width = clog2(case.reach + 1)
        return Traffic(words, [(join(row, width), LEVELS) for row in accumulators])
    codes = encode_among(accumulators.astype(np.float64), case.boundaries.astype(np.float64))
    return Traffic(words, [(to_word(codes[:, vector]), LEVELS) for vector in range(vectors)])


@played
async def full_speed(dut):
    """A vector per cycle, as many cycles from input to output as stages says."""
    case, bench = SHAPES[case_name()], bench_of(dut)
    timing = unrolled_timing(case.columns, case.gains)
    await bench.start()
    vectors = traffic(np.random.default_rng(SEED), 60)
    await bench.full_speed(vectors)
    assert bench.source.times == list(range(len(vectors.words)))
    assert bench.sink.times == [time + timing.latency for time in bench.source.times]


@played
async def places(dut):
    case, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    words = traffic(np.random.default_rng(SEED), 40).words
    await promised_places(bench, words, unrolled_timing(case.columns, case.gains).places)


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
