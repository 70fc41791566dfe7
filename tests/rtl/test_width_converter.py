"""width_converter: the elements of a vector, cut anew; the end of each vector is filled up with 0."""

import math
import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from rebnet.stages.converter import Converter

from .streams import SEED, Traffic, bench_of, case_name, cut, played

LEVELS = 3
# elements in, elements out, planes, elements of a vector
SHAPES = {
    "up, whole words": (2, 8, 2, 16),
    "up, cut short": (4, 12, 1, 50),
    "down, whole words": (9, 3, 2, 27),
    "down, cut short": (8, 2, 3, 13),
    "equal": (5, 5, 2, 12),
    "coprime up, the end makes two words": (3, 7, 2, 29),
    "coprime down": (7, 3, 1, 20),
    "common divisor": (6, 4, 2, 23),
    "vector in one word": (8, 6, 2, 5),
    "vector of one": (4, 3, 3, 1),
    "single elements": (1, 1, 1, 3),
}
CASES = {
    name: {"IN": shape[0], "OUT": shape[1], "PLANES": shape[2], "VECTOR": shape[3], "LEVEL_WIDTH": 2}
    for name, shape in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_width_converter(simulate: Callable[..., None], case: str) -> None:
    simulate("width_converter", CASES, case)


def traffic(rng: np.random.Generator, vectors: int, levels: list[int]) -> Traffic:
    words_in, words_out, planes, elements = SHAPES[case_name()]
    words, expected = [], []
    for index in range(vectors):
        vector = rng.random((planes, elements)) < 0.5
        nonsense = rng.random((planes, words_in)) < 0.5  # beyond the vector's end
        zeros = np.zeros((planes, words_out), dtype=np.bool_)
        level = levels[index % len(levels)]
        words += [(word, level) for word in cut(vector, words_in, nonsense)]
        expected += [(word, level) for word in cut(vector, words_out, zeros)]
    return Traffic(words, expected)


def random_levels(rng: random.Random) -> list[int]:
    return [rng.randrange(1, LEVELS + 1) for _ in range(7)]


@played
async def full_speed(dut):
    """Without stalls a vector takes as many cycles as it has words on the busier side."""
    words_in, words_out, planes, elements = SHAPES[case_name()]
    bench, vectors = bench_of(dut), 12
    await bench.start()
    await bench.full_speed(traffic(np.random.default_rng(SEED), vectors, [2]))
    shape = Converter("converter", planes, words_in, words_out, elements)
    counts = shape.in_words, math.ceil(elements / words_out)
    ends = bench.sink.times[counts[1] - 1 :: counts[1]]
    assert [after - before for before, after in pairwise(ends)][2:] == [max(counts)] * (vectors - 3)
    moved = {*bench.source.times, *bench.sink.times}
    assert len(moved) == bench.sink.times[-1] + 1, "a cycle passed in which no word moved"
    needed = math.ceil(min(words_out, elements) / words_in)  # input words behind the first output word
    assert bench.sink.times[0] == bench.source.times[needed - 1] + 1


@played
async def patterns(dut):
    bench, data, rng = bench_of(dut), np.random.default_rng(SEED), random.Random(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(data, 6, random_levels(rng)))


@played
async def stress(dut):
    bench, data, rng = bench_of(dut), np.random.default_rng(SEED), random.Random(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(data, 40, random_levels(rng)))
