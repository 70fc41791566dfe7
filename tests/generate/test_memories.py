"""Where memories stand: block RAM where it saves LUTs, tables where a block RAM would stand empty."""

import pytest

from rebnet.rtl.memories import LUTS_PER_BRAM_18K, blocks, ram_luts, ram_style, rom_luts, rom_style


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
