"""The accelerator in a LiteX SoC: files that are copied, none of which imports rebnet, and a uartbone's protocol."""

import importlib
import importlib.util
from importlib.resources import files
from types import ModuleType

from rebnet.errors import MissingExtraError

FILES = ("rebnet_litex.py", "target.py", "host.py", "README.md")
"""What is copied beside the accelerator's rtl/, mem/ and ports.json."""


def text(name: str) -> str:
    """The text of one of `FILES`."""
    return (files("rebnet.boards.shells.litex") / name).read_text(encoding="utf-8")


def gateware() -> ModuleType:
    """The module `rebnet_litex`, with `RebnetAccelerator`, `RebnetDMA` and `add_rebnet`.

    Raises:
        MissingExtraError: LiteX is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in ("litex", "migen")):
        raise MissingExtraError("LiteX is not installed; install it with: pip install 'rebnet[litex]'")
    return importlib.import_module("rebnet.boards.shells.litex.rebnet_litex")
