"""Where memories stand: block RAM where it saves LUTs, tables where a block RAM would stand empty."""

import numpy as np
import pytest

from rebnet.generate.memory import pieces
from rebnet.stages.memories import (
    LUTS_PER_BRAM_18K,
    Rom,
    blocks,
    ram_luts,
    ram_style,
    rom_bank,
    rom_column,
    rom_luts,
    rom_style,
)


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


@pytest.mark.parametrize(
    ("width", "depth", "wanted"),
    [
        (32, 18_432, 2048),  # nine of four blocks, not 36 blocks of one shape or 40 of another
        (4, 32_768, 16_384),
        (128, 2304, 512),
        (4, 1536, 1536),  # one block
        (500, 1024, 1024),  # synthesizers find that shape
        (9, 1_000_000, 65_536),  # deeper than a block, as there would be too many
    ],
)
def test_banks(width, depth, wanted):
    assert rom_bank(width, depth) == wanted


def test_latencies():
    """A register behind block RAM, and another behind the choice of a bank."""
    assert Rom(32, 18_432, "distributed").latency == 1
    assert Rom(32, 1024, "block").latency == 2
    assert Rom(32, 18_432, "block").latency == 3
    assert Rom(32, 18_432, "block").banks("WEIGHT_") == {"WEIGHT_BANK": 2048, "WEIGHT_LATENCY": 3}
    assert Rom(32, 1024, "block").banks() == {}


def test_columns_have_no_banks():
    rom = Rom(256, 1152, "block", in_columns=True)
    assert (rom.column, rom.bank, rom.latency) == (9, 1152, 2)
    assert Rom(256, 1152, "block").column == 256


def test_images_of_banks():
    words = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.bool_)
    assert pieces("w.hex", words, 2, 2) == {"w.hex.000": "01\n02\n", "w.hex.001": "03\n"}
    columns = {"w.hex.000": "01\n00\n", "w.hex.001": "00\n01\n", "w.hex.002": "01\n", "w.hex.003": "01\n"}
    assert pieces("w.hex", words, 1, 2) == columns


def test_images_of_columns():
    words = np.array([[1, 0, 1, 1, 1], [0, 1, 0, 0, 0]], dtype=np.bool_)
    assert pieces("w.hex", words, 5) == {"w.hex": "1d\n02\n"}
    assert pieces("w.hex", words, 2) == {"w.hex.000": "01\n02\n", "w.hex.001": "03\n00\n", "w.hex.002": "01\n00\n"}
