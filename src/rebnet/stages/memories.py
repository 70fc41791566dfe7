"""Where a memory of the accelerator stands: in block RAM, or in lookup tables. Sizes are numbers, or arrays of them."""

from typing import Any

import numpy as np

from rebnet.stages.numbers import ceil_div

LUTS_PER_BRAM_18K = 64
"""A memory is made of lookup tables where at most so many stand for one 18 Kib block RAM.

The devices meant here have 190 to 220 LUTs for each; weights fill block RAM and processing elements LUTs, so that a
memory must save three times its share before it takes LUTs.
"""
UNCUT_WORDS = 1024
"""Words up to which synthesizers find the shape without a multiplexer by themselves."""
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

    A memory deeper than a block's shape is cut into segments, with a multiplexer behind them. Columns as deep as the
    whole need none, and more blocks. The multiplexer's LUTs count twice, since they stand in the longest path.
    """
    deep = np.select([depth <= words for words, _ in BLOCK_SHAPES], [bits for _, bits in BLOCK_SHAPES], 0)
    multiplexer = 2 * width * ceil_div(ceil_div(depth, BLOCK_SHAPES[0][0]) - 1, 3)
    cut = LUTS_PER_BRAM_18K * blocks(width, depth) + multiplexer
    whole = LUTS_PER_BRAM_18K * ceil_div(width, np.maximum(deep, 1))
    return np.where((depth > UNCUT_WORDS) & (deep > 0) & (width > deep) & (whole <= cut), deep, width)


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
