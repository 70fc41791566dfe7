"""bit_count against counting ones: any width, the depth that stages says, and later ones."""

import random
from collections.abc import Callable

import pytest

from rebnet.stages.timing import count_stages

from .streams import SEED, Bench, case_name, played

WIDTHS = {"one bit": 1, "one leaf": 6, "two leaves": 7, "full tree": 27, "gaps": 40, "three stages": 111}
CASES = {name: {"WIDTH": width, "STAGES": count_stages(width)} for name, width in WIDTHS.items()} | {
    "later": {"WIDTH": 9, "STAGES": 4}
}
CYCLES = 300


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_bit_count(simulate: Callable[..., None], case: str) -> None:
    simulate("bit_count", CASES, case)


@pytest.mark.rtl
@pytest.mark.parametrize("case", ["one bit", "two leaves", "three stages", "later"])
def test_words_counted_at_once(simulate: Callable[..., None], case: str) -> None:
    """What a simulator counts in place of the tree: the same bench, to the cycle."""
    simulate("bit_count", CASES, case, defines=["REBNET_COUNTONES"])


@played
async def a_word_each_cycle(dut):
    """The count of each word is there STAGES cycles later, whatever comes before and after it."""
    parameters, rng, bench = CASES[case_name()], random.Random(SEED), Bench(dut)
    width, stages = parameters["WIDTH"], parameters["STAGES"]
    await bench.start()
    words = [0, (1 << width) - 1, 0, *(1 << place for place in range(width))]
    words += [rng.getrandbits(width) for _ in range(CYCLES)]
    for cycle, word in enumerate(words):
        dut.data.value = word
        if cycle >= stages:
            assert dut.count.value.to_unsigned() == words[cycle - stages].bit_count()
        await bench.step()
