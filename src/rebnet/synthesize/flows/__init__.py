"""Flows: which tools bring a netlist onto a family's parts, and how they are asked; one module a family."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rebnet.boards import Board, Family
from rebnet.boards.shells import Placement, placement_of
from rebnet.errors import OptionError
from rebnet.synthesize import child
from rebnet.synthesize.flows.ecp5 import Ecp5
from rebnet.synthesize.flows.gowin import Gowin
from rebnet.synthesize.flows.ice40 import Ice40
from rebnet.synthesize.flows.report import Reported


class Flow(Reported, Protocol):
    """What place and route asks of a family.

    Attributes:
        bitstream: name of the bitstream's file.
    """

    @property
    def bitstream(self) -> str: ...  # noqa: D102

    def find_router(self) -> child.Tool:
        """The tool that places and routes; `MissingExtraError` where there is none."""

    def find_packer(self) -> child.Tool:
        """The tool that packs bitstreams; `MissingExtraError` where there is none."""

    def target(self, shell: Placement, board: Board, wish_mhz: float | None) -> float:
        """The clock that nextpnr aims at, MHz, where the user wishes one or not; `OptionError` if it cannot be."""

    def commands(self, sources: Sequence[str], shell: Placement, board: Board, target_mhz: float) -> list[str]:
        """Those of Yosys, from the sources to the netlist."""

    def arguments(self, shell: Placement, board: Board, seed: int, target_mhz: float) -> list[str]:
        """Those of nextpnr."""

    def settle(self, work: Path, shell: Placement, target_mhz: float, fmax_mhz: float) -> float:
        """Make the routed configuration's clock one that meets timing; returns it, MHz.

        Raises:
            OptionError: there is none.
            ToolError: the configuration is not as it should be.
        """

    def pack(self, packer: child.Tool, shell: Placement, board: Board, work: Path) -> None:
        """Write the bitstream; raises `ChildFailedError`."""


FLOWS: Mapping[Family, Flow] = {"ecp5": Ecp5(), "gowin": Gowin(), "ice40": Ice40()}


def flow_of(board: Board) -> Flow:
    """The flow of the family of `board`.

    Raises:
        OptionError: the board has no pin file, or its family no open tools here.
    """
    placement_of(board)
    if board.part.family not in FLOWS:
        raise OptionError(
            f"board {board.name!r}: no open tools place and route the family {board.part.family}; use a board of "
            f"{', '.join(FLOWS)}"
        )
    return FLOWS[board.part.family]
