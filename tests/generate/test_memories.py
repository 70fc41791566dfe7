"""Where memories stand: block RAM where it saves LUTs, tables where a block RAM would stand empty."""

import numpy as np
import pytest

from rebnet.generate.memory import columns
from rebnet.stages.memories import LUTS_PER_BRAM_18K, blocks, ram_luts, ram_style, rom_column, rom_luts, rom_style


@pytest.mark.parametrize(
    ("width", "depth", "wanted"), [(36, 512, 1), (37, 512, 2), (18, 1024, 1), (1, 16384, 1), (1024, 288, 29), (1, 1, 1)]
)
def test_blocks(width, depth, wanted):
    assert blocks(width, depth) == wanted


def test_luts():
    assert rom_luts(10, 64) == 10
    assert rom_luts(1, 256) == 5
    assert ram_luts(6, 32) == 4
    assert ram_luts(3, 64) == 4
    assert ram_luts(8, 33) == 12


def test_styles_follow_the_price():
    for width in (1, 7, 36, 100, 1000):
        for depth in (1, 30, 100, 500, 5000):
            bound = LUTS_PER_BRAM_18K * blocks(width, depth)
            assert (rom_style(width, depth) == "block") == (rom_luts(width, depth) > bound)
            assert (ram_style(width, depth) == "block") == (ram_luts(width, depth) > bound)


@pytest.mark.parametrize(
    ("width", "depth", "wanted"),
    [
        (256, 1024, 256),  # synthesizers find that shape
        (256, 1152, 9),  # 29 blocks, not 24 and a multiplexer of 256 LUTs
        (9, 1152, 9),
        (64, 2304, 64),  # 16 blocks of 4 bits, not 10 and two LUTs a bit: too dear
        (64, 4096, 4),
        (64, 20_000, 64),  # no block is so deep
    ],
)
def test_columns_where_they_are_cheaper(width, depth, wanted):
    assert rom_column(width, depth) == wanted


def test_images_of_columns():
    words = np.array([[1, 0, 1, 1, 1], [0, 1, 0, 0, 0]], dtype=np.bool_)
    assert columns("w.hex", words, 5) == {"w.hex": "1d\n02\n"}
    assert columns("w.hex", words, 2) == {"w.hex.000": "01\n02\n", "w.hex.001": "03\n00\n", "w.hex.002": "01\n00\n"}
