"""processing_element against spec.xnor: sums of any length, with pauses anywhere."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from rebnet.spec.xnor import popcount_xnor
from rebnet.stages.mvtu import popcount_stages
from rebnet.stages.numbers import clog2

from .streams import SEED, Bench, case_name, join, played, to_word

LONGEST = 6  # words of a sum
SHAPES = {"one input": (1, 1), "three lanes": (5, 3), "a carry": (8, 1), "deep popcount": (40, 2)}
CASES = {
    name: {
        "SIMD": simd,
        "LEVEL_LANES": lanes,
        "SUM_WIDTH": clog2(LONGEST * simd + 1),
        "POPCOUNT_STAGES": popcount_stages(simd),
    }
    for name, (simd, lanes) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_processing_element(simulate: Callable[..., None], case: str) -> None:
    simulate("processing_element", CASES, case)


@played
async def sums_with_pauses(dut):
    """A sum is there POPCOUNT_STAGES + 1 cycles after its last word, and stays until the next one.

    A last without add, before the first word, is what a reset leaves.
    """
    parameters, rng, data = CASES[case_name()], random.Random(SEED), np.random.default_rng(SEED)
    simd, lanes, stages = parameters["SIMD"], parameters["LEVEL_LANES"], parameters["POPCOUNT_STAGES"]
    bench = Bench(dut)
    # One entry a cycle: the word, add, last; and the sums from the cycle after a last word on.
    cycles, results = [], {}
    for run in range(80):
        length = LONGEST if run < 3 else rng.randrange(1, LONGEST + 1)
        planes = data.random((lanes, length * simd)) < (1 if run == 0 else 0.5)
        weights = data.random((1, length * simd)) < (1 if run == 0 else 0.5)
        for word in range(length):
            part = slice(word * simd, (word + 1) * simd)
            while run > 2 and rng.random() < 0.2:
                cycles.append((rng.getrandbits(lanes * simd), rng.getrandbits(simd), 0, 0))
            cycles.append((to_word(planes[:, part]), to_word(weights[:, part]), 1, word == length - 1))
        results[len(cycles)] = join(popcount_xnor(planes, weights)[:, 0], parameters["SUM_WIDTH"])
    await bench.start()
    expected = None
    for cycle in range(len(cycles) + stages + 4):
        expected = results.get(cycle - stages, expected)
        if expected is not None:
            assert dut.sums.value.to_unsigned() == expected, f"cycle {cycle}"
        if cycle < len(cycles):
            dut.data.value, dut.weights.value = cycles[cycle][:2]
        controls = cycles[cycle - stages][2:] if 0 <= cycle - stages < len(cycles) else (0, cycle < stages)
        dut.add.value, dut.last.value = (int(bit) for bit in controls)
        await bench.step()
