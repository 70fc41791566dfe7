"""rom: every address gives the word of the file, as many cycles later as its style and banks take."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from rebnet.generate.memory import pieces
from rebnet.stages.memories import rom_latency

from .streams import SEED, Bench, case_name, played


@dataclass(frozen=True)
class Shape:
    """Bits of a word, words, where it stands; bits of a column and words of a bank, 0 where there is one."""

    width: int
    depth: int
    style: str = "block"
    column: int = 0
    bank: int = 0

    @property
    def latency(self) -> int:
        return rom_latency(self.style, -(-self.depth // (self.bank or self.depth)))

    @property
    def parameters(self) -> dict[str, int | str]:
        banks = {"BANK": self.bank, "LATENCY": self.latency} if self.bank else {}
        columns = {"COLUMN": self.column} if self.column else {}
        return {
            "WIDTH": self.width, "DEPTH": self.depth, "FILE": "words.hex", "STYLE": self.style, **columns, **banks
        }  # fmt: skip

    @property
    def words(self) -> list[int]:
        rng = random.Random(SEED)
        return [rng.getrandbits(self.width) for _ in range(self.depth)]

    @property
    def files(self) -> dict[str, str]:
        bits = np.array([[word >> place & 1 for place in range(self.width)] for word in self.words], dtype=np.bool_)
        return pieces("words.hex", bits, self.column or self.width, self.bank or self.depth)


SHAPES = {
    "one word": Shape(3, 1),
    "block": Shape(70, 9),
    "tables": Shape(5, 300, "distributed"),
    "columns": Shape(32, 40, column=9),
    "many columns": Shape(113, 7, column=1),
    "two banks, the last of one word": Shape(11, 17, bank=16),
    "sixteen banks": Shape(1, 64, bank=4),
    "banks of two words": Shape(7, 11, bank=2),
    "banks and columns": Shape(20, 75, column=9, bank=16),
    "a bank that holds all": Shape(5, 12, bank=16),
}
CASES = {name: shape.parameters for name, shape in SHAPES.items() if not shape.column}
COLUMNS = {name: shape.parameters for name, shape in SHAPES.items() if shape.column}


@pytest.mark.rtl
@pytest.mark.parametrize("case", [*CASES, *COLUMNS])
def test_rom(simulate: Callable[..., None], case: str) -> None:
    simulate("rom", CASES | COLUMNS, case, lambda name: SHAPES[name].files)


@played
async def every_address(dut):
    bench, rng, shape = Bench(dut), random.Random(SEED), SHAPES[case_name()]
    content, latency = shape.words, shape.latency
    addresses = [*range(len(content)), *(rng.randrange(len(content)) for _ in range(50))]
    await bench.start()
    for cycle, address in enumerate([*addresses, *[0] * latency]):
        dut.address.value = address
        if cycle >= latency:
            assert dut.data_q.value.to_unsigned() == content[addresses[cycle - latency]]
        await bench.step()
