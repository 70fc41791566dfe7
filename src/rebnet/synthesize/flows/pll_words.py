"""The PLL in a routed ECP5: its clock is set to what the routing allows."""

import re
from pathlib import Path

from rebnet.boards.clock import Dividers
from rebnet.errors import ToolError


def set_clock(config: Path, dividers: Dividers) -> None:
    """Write `dividers` over those of the one PLL in a routed configuration; its wires stay as they are.

    A word of a configuration is a line `word: NAME BITS`, the highest bit first. The hardware counts to one less than
    a divider; outputs start in the middle of a period, as they did.

    Raises:
        ToolError: the configuration does not have exactly one such PLL.
    """
    words = {
        "CLKI_DIV": dividers.input - 1,
        "CLKFB_DIV": dividers.feedback - 1,
        "CLKOP_DIV": dividers.primary - 1,
        "CLKOS_DIV": dividers.output - 1,
        "CLKOP_CPHASE": dividers.primary // 2,
        "CLKOS_CPHASE": dividers.output // 2,
    }
    text = config.read_text()
    for name, value in words.items():
        pattern = re.compile(rf"^(word: {name} )([01]+)$", re.MULTILINE)
        found = pattern.findall(text)
        if len(found) != 1:
            raise ToolError(
                f"{config.name}: {len(found)} words {name} where the board's one PLL has one; this nextpnr-ecp5 writes "
                "another format, use the one of: pip install 'rebnet[synthesize]'"
            )
        text = pattern.sub(rf"\g<1>{value:0{len(found[0][1])}b}", text)
    config.write_text(text)
