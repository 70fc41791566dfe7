"""rom: every address gives the word of the file, one cycle later."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from rebnet.generate.memory import columns

from .streams import SEED, Bench, case_name, played

SHAPES = {
    "one word": (3, 1, "block"),
    "block": (70, 9, "block"),
    "tables": (5, 300, "distributed"),
    "columns": (32, 40, "columns"),
    "many columns": (113, 7, "columns"),
}
CASES = {
    name: {"WIDTH": width, "DEPTH": depth, "FILE": "words.hex", "STYLE": style}
    for name, (width, depth, style) in SHAPES.items()
    if style != "columns"
}

COLUMNS = {
    name: {"WIDTH": SHAPES[name][0], "DEPTH": SHAPES[name][1], "FILE": "words.hex", "STYLE": "block", "COLUMN": column}
    for name, column in (("columns", 9), ("many columns", 1))
}


def words(case: str) -> list[int]:
    rng = random.Random(SEED)
    return [rng.getrandbits(SHAPES[case][0]) for _ in range(SHAPES[case][1])]


@pytest.mark.rtl
@pytest.mark.parametrize("case", [*CASES, *COLUMNS])
def test_rom(simulate: Callable[..., None], case: str) -> None:
    simulate("rom", CASES | COLUMNS, case, images)


def images(case: str) -> dict[str, str]:
    """The words in one memory image, or in columns of bits."""
    if case in CASES:
        return {"words.hex": "".join(f"{word:x}\n" for word in words(case))}
    width, column = SHAPES[case][0], int(COLUMNS[case]["COLUMN"])
    bits = np.array([[word >> place & 1 for place in range(width)] for word in words(case)], dtype=np.bool_)
    return columns("words.hex", bits, column)


@played
async def every_address(dut):
    bench, rng, content = Bench(dut), random.Random(SEED), words(case_name())
    addresses = [*range(len(content)), *(rng.randrange(len(content)) for _ in range(50))]
    await bench.start()
    for cycle, address in enumerate(addresses):
        dut.address.value = address
        if cycle:
            assert dut.data_q.value.to_unsigned() == content[addresses[cycle - 1]]
        await bench.step()
