"""The PLL in a routed configuration."""

from pathlib import Path

import pytest

from rebnet.boards.clock import dividers
from rebnet.errors import ToolError
from rebnet.synthesize.flows.pll_words import set_clock

CONFIG = """\
.device LFE5U-85F

.tile_group MIB_R95C0:PLL0_LL MIB_R95C1:BANKREF7
word: CLKFB_DIV 0001111
word: CLKI_DIV 0000000
word: CLKOP_CPHASE 0000000
word: CLKOP_DIV 0000000
word: CLKOS2_DIV 0000111
word: CLKOS_CPHASE 0000010
word: CLKOS_DIV 0000011
enum: CLKOS_ENABLE ENABLED
"""


def test_the_words_of_the_clock_change_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "device.config"
    path.write_text(CONFIG)
    setting = dividers(25, 66)
    assert (setting.input, setting.feedback, setting.primary, setting.output) == (1, 1, 29, 11)
    set_clock(path, setting)
    before, after = CONFIG.splitlines(), path.read_text().splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        ("word: CLKFB_DIV 0001111", "word: CLKFB_DIV 0000000"),
        ("word: CLKOP_CPHASE 0000000", "word: CLKOP_CPHASE 0001110"),
        ("word: CLKOP_DIV 0000000", "word: CLKOP_DIV 0011100"),
        ("word: CLKOS_CPHASE 0000010", "word: CLKOS_CPHASE 0000101"),
        ("word: CLKOS_DIV 0000011", "word: CLKOS_DIV 0001010"),
    ]


@pytest.mark.parametrize(("text", "found"), [(CONFIG.replace("word: CLKI_DIV", "word: CLKI"), 0), (CONFIG * 2, 2)])
def test_another_format_is_refused(tmp_path: Path, text: str, found: int) -> None:
    path = tmp_path / "device.config"
    path.write_text(text)
    with pytest.raises(ToolError) as error:
        set_clock(path, dividers(25, 50))
    assert str(error.value) == (
        f"device.config: {found} words CLKI_DIV where the board's one PLL has one; this nextpnr-ecp5 writes another "
        "format, use the one of: pip install 'rebnet[synthesize]'"
    )
