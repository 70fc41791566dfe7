"""popcount against counting bits: any width, any leaf, the depth that geometry.py says."""

import random
from collections.abc import Callable

import cocotb
import pytest

from rebnet.rtl.geometry import popcount_stages

from .bench import SEED, Bench, case_name

SHAPES = {"one bit": (1, 16), "just over a leaf": (17, 16), "leaf of one": (7, 1), "three stages": (90, 5)}
CASES = {
    name: {"WIDTH": width, "LEAF": leaf, "STAGES": popcount_stages(width, leaf)}
    for name, (width, leaf) in SHAPES.items()
}
CYCLES = 300


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_popcount(simulate: Callable[..., None], case: str) -> None:
    simulate("popcount", CASES[case], case)


@cocotb.test()
async def a_word_each_cycle(dut):
    """The count of each word is there STAGES cycles later, whatever comes before and after it."""
    parameters, rng, bench = CASES[case_name()], random.Random(SEED), Bench(dut)
    width, stages = parameters["WIDTH"], parameters["STAGES"]
    await bench.start()
    words = [0, (1 << width) - 1, 0, *(1 << place for place in range(width))]
    words += [rng.getrandbits(width) for _ in range(CYCLES)]
    for cycle, word in enumerate(words):
        dut.bits.value = word
        if cycle >= stages:
            assert dut.count.value.to_unsigned() == words[cycle - stages].bit_count()
        await bench.step()
