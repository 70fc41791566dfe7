"""Where a memory of the accelerator stands: in block RAM, or in lookup tables. Sizes are numbers, or arrays of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rebnet.stages.module import Parameters
from rebnet.stages.numbers import ceil_div, clog2

LUTS_PER_BRAM_18K = 64
"""A memory is made of lookup tables where at most so many stand for one 18 Kib block RAM.

The devices meant here have 190 to 220 LUTs for each; weights fill block RAM and processing elements LUTs, so that a
memory must save three times its share before it takes LUTs.
"""
UNCUT_WORDS = 1024
"""Words up to which synthesizers find the shape without a multiplexer by themselves."""
MOST_BANKS = 16
BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def blocks(width: Any, depth: Any) -> Any:
    """BRAM_18K of a memory with one read and one write port, in the shape that takes fewest."""
    counts = [ceil_div(depth, words) * ceil_div(width, bits) for words, bits in BLOCK_SHAPES]
    return np.minimum.reduce(np.broadcast_arrays(*counts))


def rom_luts(width: Any, depth: Any) -> Any:
    """LUTs of a read-only memory in tables: 64 bits each, and a multiplexer of four tables in one more."""
    tables = ceil_div(depth, 64)
    return width * (tables + ceil_div(tables - 1, 3))


def ram_luts(width: Any, depth: Any) -> Any:
    """LUTs of a RAM in tables: four hold 32 words of 6 bits or 64 words of 3, and more words need multiplexers."""
    narrow, wide = ceil_div(depth, 32), ceil_div(depth, 64)
    return np.minimum(
        4 * narrow * ceil_div(width, 6) + width * ceil_div(narrow - 1, 3),
        4 * wide * ceil_div(width, 3) + width * ceil_div(wide - 1, 3),
    )


def rom_column(width: Any, depth: Any) -> Any:
    """Bits of a column of a read-only memory in block RAM: `width` where it is one memory.

    A memory deeper than a block's shape is cut, with a choice among the parts behind them (`rom_bank`). Columns as deep
    as the whole need none, and more blocks. The choice counts as two LUTs of a multiplexer, for its registers.
    """
    deep = np.select([depth <= words for words, _ in BLOCK_SHAPES], [bits for _, bits in BLOCK_SHAPES], 0)
    multiplexer = 2 * width * ceil_div(ceil_div(depth, BLOCK_SHAPES[0][0]) - 1, 3)
    cut = LUTS_PER_BRAM_18K * blocks(width, depth) + multiplexer
    whole = LUTS_PER_BRAM_18K * ceil_div(width, np.maximum(deep, 1))
    return np.where((depth > UNCUT_WORDS) & (deep > 0) & (width > deep) & (whole <= cut), deep, width)


def rom_bank(width: Any, depth: Any) -> Any:
    """Words of a bank of a read-only memory in block RAM: `depth` where it is one memory.

    Banks are as deep as the block's shape that takes fewest blocks, of several the deepest, so that no multiplexer is
    left inside of one; and so deep that there are at most `MOST_BANKS`, of which a word is chosen in a cycle.
    """
    fewest, bank = np.inf, depth
    for words, bits in BLOCK_SHAPES:
        count = ceil_div(depth, words) * ceil_div(width, bits)
        bank = np.where(count <= fewest, words, bank)
        fewest = np.minimum(fewest, count)
    bank = np.maximum(bank, 2 ** clog2(depth) // MOST_BANKS)
    return np.where((depth > UNCUT_WORDS) & (bank < depth), bank, depth)


def rom_latency(style: str, banks: int) -> int:
    """Cycles from an address to its word: block RAM has a register behind it, and the choice of a bank another."""
    return 2 + (banks > 1) if style == "block" else 1


@dataclass(frozen=True)
class Rom:
    """A read-only memory, as `rom.sv` has it.

    Attributes:
        width: bits of a word.
        depth: words.
        style: "block" or "distributed".
        in_columns: it stands in columns where `rom_column` says so.
    """

    width: int
    depth: int
    style: str
    in_columns: bool = False

    @property
    def column(self) -> int:
        """Bits of a column; a word's where it is one memory."""
        cut = self.in_columns and self.style == "block"
        return int(rom_column(self.width, self.depth)) if cut else self.width

    @property
    def bank(self) -> int:
        """Words of a bank; all where it is one memory."""
        cut = self.style == "block" and self.column == self.width
        return int(rom_bank(self.width, self.depth)) if cut else self.depth

    @property
    def bank_count(self) -> int:
        """Banks."""
        return -(-self.depth // self.bank)

    @property
    def latency(self) -> int:
        """Cycles from an address to its word."""
        return rom_latency(self.style, self.bank_count)

    def banks(self, prefix: str = "") -> Parameters:
        """The parameters of a memory in banks; none where it is one."""
        return {f"{prefix}BANK": self.bank, f"{prefix}LATENCY": self.latency} if self.bank < self.depth else {}


def rom_in_luts(width: Any, depth: Any) -> Any:
    """True where a read-only memory of `depth` words of `width` bits is in tables."""
    return rom_luts(width, depth) <= LUTS_PER_BRAM_18K * blocks(width, depth)


def ram_in_luts(width: Any, depth: Any) -> Any:
    """True where a RAM of `depth` words of `width` bits whose output is a register is in tables."""
    return ram_luts(width, depth) <= LUTS_PER_BRAM_18K * blocks(width, depth)


def rom_style(width: int, depth: int) -> str:
    """Style of a read-only memory, as the RTL calls it."""
    return "distributed" if rom_in_luts(width, depth) else "block"


def ram_style(width: int, depth: int) -> str:
    """Style of a RAM, as the RTL calls it."""
    return "distributed" if ram_in_luts(width, depth) else "block"
