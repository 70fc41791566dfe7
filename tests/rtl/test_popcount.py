"""popcount against counting lanes that agree: any width, the depth that geometry.py says."""

import random
from collections.abc import Callable

import pytest

from rebnet.stages.mvtu import popcount_stages

from .streams import SEED, Bench, case_name, played

WIDTHS = {"one lane": 1, "one leaf and extra": 4, "a leaf alone": 17, "full tree": 32, "gaps": 29, "three stages": 90}
CASES = {name: {"WIDTH": width, "STAGES": popcount_stages(width)} for name, width in WIDTHS.items()}
CYCLES = 300


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_popcount(simulate: Callable[..., None], case: str) -> None:
    simulate("popcount", CASES, case)


@pytest.mark.rtl
@pytest.mark.parametrize("case", ["one lane", "one leaf and extra", "gaps", "three stages"])
def test_words_counted_at_once(simulate: Callable[..., None], case: str) -> None:
    """What a simulator counts in place of the tree: the same bench, to the cycle."""
    simulate("popcount", CASES, case, defines=["REBNET_COUNTONES"])


@played
async def a_word_each_cycle(dut):
    """The count of each word is there STAGES cycles later, whatever comes before and after it."""
    parameters, rng, bench = CASES[case_name()], random.Random(SEED), Bench(dut)
    width, stages = parameters["WIDTH"], parameters["STAGES"]
    await bench.start()
    agree = [0, (1 << width) - 1, 0, *(1 << place for place in range(width))]
    agree += [rng.getrandbits(width) for _ in range(CYCLES)]
    for cycle, word in enumerate(agree):
        weights = rng.getrandbits(width)
        dut.weights.value, dut.data.value = weights, word ^ weights ^ ((1 << width) - 1)
        if cycle >= stages:
            count, extra = dut.count.value.to_unsigned(), int(dut.extra.value)
            assert count + extra == agree[cycle - stages].bit_count()
            assert extra == 0 or width % 4 == 0
        await bench.step()
