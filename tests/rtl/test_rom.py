"""rom: every address gives the word of the file, one cycle later."""

import random
from collections.abc import Callable

import cocotb
import pytest

from .bench import SEED, Bench, case_name

SHAPES = {"one word": (3, 1, "block"), "block": (70, 9, "block"), "tables": (5, 300, "distributed")}
CASES = {
    name: {"WIDTH": width, "DEPTH": depth, "FILE": "words.hex", "STYLE": style}
    for name, (width, depth, style) in SHAPES.items()
}


def words(case: str) -> list[int]:
    rng = random.Random(SEED)
    return [rng.getrandbits(SHAPES[case][0]) for _ in range(SHAPES[case][1])]


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_rom(simulate: Callable[..., None], case: str) -> None:
    simulate("rom", CASES[case], case, {"words.hex": "".join(f"{word:x}\n" for word in words(case))})


@cocotb.test()
async def every_address(dut):
    bench, rng, content = Bench(dut), random.Random(SEED), words(case_name())
    addresses = [*range(len(content)), *(rng.randrange(len(content)) for _ in range(50))]
    await bench.start()
    for cycle, address in enumerate(addresses):
        dut.address.value = address
        if cycle:
            assert dut.data_q.value.to_unsigned() == content[addresses[cycle - 1]]
        await bench.step()
