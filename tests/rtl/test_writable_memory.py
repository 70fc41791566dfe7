"""writable_memory: a rom that the configuration bus writes and reads; every request leaves it, later."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from rebnet.generate.images import BUS_WORD
from rebnet.generate.memory import pieces
from rebnet.stages.memories import rom_latency

from .streams import SEED, Bench, case_name, played

SHAPES = {
    "one bit": (1, 1, "block", 6, 16),
    "one column": (32, 9, "block", 10, 32),
    "block": (70, 9, "block", 31, 1 << 20),
    "tables": (5, 300, "distributed", 12, 2048),
    "many columns": (1100, 5, "block", 16, 512),
    "at the end": (33, 4, "distributed", 5, 24),
    "banks of a column": (20, 70, "block", 9, 128),
    "banks of columns": (70, 41, "block", 12, 512),
}
"""Width, depth, style, bits of an address, base."""
BANKS = {"banks of a column": 32, "banks of columns": 4}
"""Words of a bank, where there are several."""
CASES = {
    name: {"WIDTH": w, "DEPTH": d, "FILE": "words.hex", "STYLE": style, "CONFIG_ADDRESS": a, "BASE": base}
    | ({"BANK": BANKS[name], "LATENCY": 3} if name in BANKS else {})
    for name, (w, d, style, a, base) in SHAPES.items()
}


def read_latency(case: str) -> int:
    _, depth, style, *_ = SHAPES[case]
    return rom_latency(style, -(-depth // BANKS.get(case, depth)))


def words(case: str) -> list[int]:
    rng = random.Random(SEED)
    return [rng.getrandbits(SHAPES[case][0]) for _ in range(SHAPES[case][1])]


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_writable_memory(simulate: Callable[..., None], case: str) -> None:
    simulate("writable_memory", CASES, case, images)


def images(case: str) -> dict[str, str]:
    width = SHAPES[case][0]
    bits = np.array([[word >> place & 1 for place in range(width)] for word in words(case)], dtype=np.bool_)
    return pieces("words.hex", bits, BUS_WORD, BANKS.get(case))


class Memory:
    """The words, and what becomes of a request: a slow model."""

    def __init__(self, case: str) -> None:
        self.width, self.depth, _, self.bits, self.base = SHAPES[case]
        self.words = words(case)
        self.rows = max(1, (self.depth - 1).bit_length())
        self.columns = -(-self.width // 32)

    def place(self, address: int) -> tuple[int, int] | None:
        column, row = divmod(address - self.base, 1 << self.rows)
        return (row, column) if 0 <= column < self.columns and row < self.depth else None

    def answer(self, write: int, served: int, address: int, data: int) -> tuple[int, int, int, int]:
        place = self.place(address)
        if place is None:
            return write, served, address, data
        row, column = place
        mask = (1 << min(32, self.width - 32 * column)) - 1
        if write:
            self.words[row] &= ~(mask << 32 * column)
            self.words[row] |= (data & mask) << 32 * column
            return 1, 1, address, data
        return 0, 1, address, self.words[row] >> 32 * column & mask

    def near(self, rng: random.Random) -> int:
        """An address in the window, around it or anywhere."""
        top = (1 << self.bits) - 1
        size = 1 << self.rows + (self.columns - 1).bit_length()
        return rng.choice((rng.randrange(self.base, self.base + size), rng.randrange(top + 1), self.base - 1)) & top


def packed(bits: int, write: int, served: int, address: int, data: int) -> int:
    return (((1 << 1 | write) << 1 | served) << bits | address) << 32 | data


@played
async def every_word(dut):
    """Without requests it is a rom."""
    bench, content = Bench(dut), words(case_name())
    dut.config_in.value = 0
    await bench.start()
    assert await read(dut, bench, range(len(content))) == content


async def read(dut, bench: Bench, addresses: Sequence[int]) -> list[int]:
    """The words of addresses that follow each other without a gap."""
    found, latency = [], read_latency(case_name())
    for cycle, address in enumerate([*addresses, *[0] * latency]):
        dut.address.value = address
        if cycle >= latency:
            found.append(dut.data_q.value.to_unsigned())
        await bench.step()
    return found


@played
async def requests(dut):
    """Back to back and with pauses, for words here and for others; between them all words are read by address."""
    bench, rng, memory = Bench(dut), random.Random(SEED), Memory(case_name())
    dut.config_in.value = 0
    await bench.start()
    memory.words = await read(dut, bench, range(memory.depth))  # what the test before has left
    for _ in range(30):
        expected: list[int | None] = [None] * (read_latency(case_name()) + 2)
        for _ in range(rng.randrange(1, 20)):
            if rng.random() < 0.3:
                dut.config_in.value = rng.getrandbits(memory.bits + 34)  # no request
                expected.append(None)
            else:
                fields = rng.getrandbits(1), rng.getrandbits(1), memory.near(rng), rng.getrandbits(32)
                dut.config_in.value = packed(memory.bits, *fields)
                expected.append(packed(memory.bits, *memory.answer(*fields)))
            dut.address.value = rng.randrange(memory.depth)
            await bench.step()
            check(dut, memory, expected.pop(0))
        for last in expected:
            dut.config_in.value = 0
            await bench.step()
            check(dut, memory, last)
        assert await read(dut, bench, range(memory.depth)) == memory.words


def check(dut, memory: Memory, expected: int | None) -> None:
    got = dut.config_out.value.to_unsigned()
    if expected is None:
        assert got >> memory.bits + 34 == 0
    else:
        assert got == expected
