"""Where a memory of the accelerator stands: in block RAM, or in lookup tables."""

import math

LUTS_PER_BRAM_18K = 64
"""A memory is made of lookup tables where at most so many stand for one 18 Kib block RAM.

The devices meant here have 190 to 220 LUTs for each; weights fill block RAM and processing elements LUTs, so that a
memory must save three times its share before it takes LUTs.
"""
UNCUT_WORDS = 1024
"""Words up to which synthesizers find the shape without a multiplexer by themselves."""
BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def blocks(width: int, depth: int) -> int:
    """BRAM_18K of a memory with one read and one write port, in the shape that takes fewest."""
    return min(math.ceil(depth / words) * math.ceil(width / bits) for words, bits in BLOCK_SHAPES)


def rom_luts(width: int, depth: int) -> int:
    """LUTs of a read-only memory in tables: 64 bits each, and a multiplexer of four tables in one more."""
    tables = math.ceil(depth / 64)
    return width * (tables + math.ceil((tables - 1) / 3))


def ram_luts(width: int, depth: int) -> int:
    """LUTs of a RAM in tables: four hold 32 words of 6 bits or 64 words of 3, and more words need multiplexers."""
    narrow, wide = math.ceil(depth / 32), math.ceil(depth / 64)
    return min(
        4 * narrow * math.ceil(width / 6) + width * math.ceil((narrow - 1) / 3),
        4 * wide * math.ceil(width / 3) + width * math.ceil((wide - 1) / 3),
    )


def rom_column(width: int, depth: int) -> int:
    """Bits of a column of a read-only memory in block RAM: `width` where it is one memory.

    A memory deeper than a block's shape is cut into segments, with a multiplexer behind them. Columns as deep as the
    whole need none, and more blocks. The multiplexer's LUTs count twice, since they stand in the longest path.
    """
    if depth <= UNCUT_WORDS:
        return width
    deep = max((bits for words, bits in BLOCK_SHAPES if words >= depth), default=0)
    if not deep or width <= deep:
        return width
    multiplexer = 2 * width * math.ceil((math.ceil(depth / BLOCK_SHAPES[0][0]) - 1) / 3)
    cut = LUTS_PER_BRAM_18K * blocks(width, depth) + multiplexer
    return deep if LUTS_PER_BRAM_18K * math.ceil(width / deep) <= cut else width


def rom_style(width: int, depth: int) -> str:
    """Style of a read-only memory of `depth` words of `width` bits."""
    return _style(rom_luts(width, depth), blocks(width, depth))


def ram_style(width: int, depth: int) -> str:
    """Style of a RAM of `depth` words of `width` bits whose output is a register."""
    return _style(ram_luts(width, depth), blocks(width, depth))


def _style(luts: int, block_rams: int) -> str:
    return "distributed" if luts <= LUTS_PER_BRAM_18K * block_rams else "block"
