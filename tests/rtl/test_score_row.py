"""score_row against spec.scores: all scores of an image at once, an image per cycle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import to_bits
from rebnet.generate.wires import literal
from rebnet.spec.scores import SCALE_BITS, scores
from rebnet.stages.ends import SCORES_DEPTH, SCORES_LATENCY
from rebnet.stages.numbers import clog2

from .features import promised_places
from .streams import SEED, Traffic, bench_of, case_name, join, played

SCORE_WIDTH, LEVELS = 41, 1


@dataclass(frozen=True)
class Case:
    """Rows, R of the accumulators, and bits of a sum beyond those that the scores need."""

    rows: int
    reach: int
    surplus: int = 0

    @property
    def constants(self) -> tuple[np.ndarray, np.ndarray]:
        """A_j and B_j, at the ends of the scale's range too."""
        rng = np.random.default_rng(SEED + self.rows)
        largest = 2 ** (SCALE_BITS - 1) - 1
        scale = rng.integers(-largest, largest + 1, self.rows)
        scale[0] = -largest
        return scale, rng.integers(-(10**6), 10**6, self.rows)

    @property
    def parameters(self) -> dict[str, int | str]:
        scale, bias = self.constants
        ends = np.concatenate([scale * v + bias for v in (-self.reach, self.reach)])
        offset = bias - scale * self.reach
        bits = np.concatenate([to_bits(scale, SCALE_BITS), to_bits(offset, SCORE_WIDTH)], axis=-1)
        return {
            "ROWS": self.rows,
            "LEVEL_WIDTH": 1,
            "ACC_WIDTH": clog2(self.reach + 1),
            "SCORE_WIDTH": SCORE_WIDTH,
            "SUM_WIDTH": 1 + clog2(int(np.abs(ends).max()) + 1) + self.surplus,
            "CONSTANTS": literal(bits),
        }


SHAPES = {
    "looked up": Case(10, 32),
    "one row": Case(1, 1),
    "the largest table": Case(3, 63, 2),
    "multiplied": Case(4, 64),
    "multiplied, wide": Case(7, 5000, 5),
}
CASES = {name: case.parameters for name, case in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_score_row(simulate: Callable[..., None], case: str) -> None:
    simulate("score_row", CASES, case)


def traffic(rng: np.random.Generator, images: int) -> Traffic:
    """Images, accumulators at the ends of their range among them."""
    case = SHAPES[case_name()]
    width = clog2(case.reach + 1)
    accumulators = rng.integers(0, case.reach + 1, (images, case.rows))
    accumulators[:2] = np.array([[0], [case.reach]])[:images]
    answers = scores(accumulators, case.reach, *case.constants)
    words = [(join(row, width), LEVELS) for row in accumulators]
    return Traffic(words, [(join(row, SCORE_WIDTH), LEVELS) for row in answers])


@played
async def full_speed(dut):
    """An image per cycle, SCORES_LATENCY cycles from input to output."""
    bench = bench_of(dut)
    await bench.start()
    images = traffic(np.random.default_rng(SEED), 40)
    await bench.full_speed(images)
    assert bench.source.times == list(range(len(images.words)))
    assert bench.sink.times == [time + SCORES_LATENCY for time in bench.source.times]
    assert int(dut.out_last.value) == 1


@played
async def places(dut):
    bench = bench_of(dut)
    await bench.start()
    await promised_places(bench, traffic(np.random.default_rng(SEED), 30).words, SCORES_DEPTH)


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
