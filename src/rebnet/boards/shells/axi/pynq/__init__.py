"""The AXI shell from Python on a board with PYNQ: files that are copied to the board as they are."""

from importlib.resources import files

FILES = ("driver.py", "validate.py", "README.md")
"""What is copied; `driver.py` imports nothing of rebnet."""


def text(name: str) -> str:
    """The text of one of `FILES`."""
    return (files("rebnet.boards.shells.axi.pynq") / name).read_text(encoding="utf-8")
