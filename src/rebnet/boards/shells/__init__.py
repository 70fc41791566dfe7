"""Shells: what stands between an accelerator and a board, one package each, with its RTL, its pins and its host side.

Which shell a board has is data of `boards.toml`. Tools ask the shell, and know none by name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rebnet.boards import Board, boards
from rebnet.boards.shells.axi import AxiShell
from rebnet.boards.shells.uart import UartShell
from rebnet.errors import OptionError
from rebnet.records import Ports


class Placement(Protocol):
    """What place and route needs of a shell on a board whose pins are known.

    Attributes:
        top: the top module.
        oscillator_mhz: clock that the board gives, MHz; where there is a PLL, the top has parameters for it.
        clock_net: the accelerator's clock, as place and route names it; None where it is the only one.
        pins: the pin file.
    """

    @property
    def top(self) -> str: ...  # noqa: D102
    @property
    def oscillator_mhz(self) -> float: ...  # noqa: D102
    @property
    def clock_net(self) -> str | None: ...  # noqa: D102
    @property
    def pins(self) -> Path: ...  # noqa: D102

    def sources(self, ports: Ports, *, scores: bool = True) -> dict[str, str]:
        """The SystemVerilog files around the accelerator by name; the label alone answers where not `scores`."""

    def parameters(self, clock_mhz: float) -> dict[str, int]:
        """Those of the top module at a clock, beside the PLL's."""

    def facts(self, clock_mhz: float) -> dict[str, int]:
        """What synthesis.json says of the shell at a clock, by key."""


class Shell(Protocol):
    """What a shell says of itself.

    Attributes:
        name: as `boards.toml` and options have it.
    """

    name: str

    def widest_beat_bits(self, board: Board) -> int | None:
        """Bits of the widest input beat that it takes on the board; None for any."""

    def placement(self, board: Board) -> Placement | None:
        """What place and route needs, where it can place this shell on the board."""


SHELLS: Mapping[str, Shell] = {shell.name: shell for shell in (UartShell(), AxiShell())}


def find(name: str) -> Shell:
    """The shell `name`.

    Raises:
        OptionError: there is none of this name.
    """
    if name not in SHELLS:
        raise OptionError(f"shell={name!r}: use {' or '.join(SHELLS)}")
    return SHELLS[name]


def widest_beat_bits(name: str, board: Board) -> int | None:
    """Bits of the widest input beat that the shell `name` takes on `board`; None for any.

    Raises:
        OptionError: there is no such shell, or the board has another or none.
    """
    shell = find(name)
    if board.shell != name:
        able = ", ".join(other.name for other in boards() if other.shell == name)
        raise OptionError(
            f"board {board.name!r} has no shell {name!r}; use {able}, or leave the board or the shell out"
        )
    return shell.widest_beat_bits(board)


def placement_of(board: Board) -> Placement:
    """What place and route needs of the shell of `board`.

    Raises:
        OptionError: it has no shell, or one that the open tools do not place.
    """
    found = _placement(board)
    if found is None:
        able = ", ".join(other.name for other in boards() if _placement(other))
        raise OptionError(f"board {board.name!r} has no pin file to place and route for; use {able}")
    return found


def _placement(board: Board) -> Placement | None:
    return None if board.shell is None else find(board.shell).placement(board)
