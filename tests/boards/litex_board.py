"""A board with a LiteX SoC, simulated: LiteX's Verilog and the accelerator behind a pseudo-terminal."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from rebnet.generate import generate
from rebnet.rtl import MODULES
from rebnet.rtl import source as library
from rebnet.simulate.build import compile_units, find_tools, verilate
from rebnet.simulate.cache import default_folder

MISSING = "LiteX is not installed; install it with: pip install 'rebnet[litex]'"
WRAPPER = """\
module board (input logic clk, input logic rst, input logic rx, output logic tx);
  soc made (.clk, .rst, .serial_rx(rx), .serial_tx(tx));
endmodule
"""


def installed() -> bool:
    """Whether LiteX is."""
    return all(importlib.util.find_spec(name) is not None for name in ("litex", "migen"))


def program(build: Path, folder: Path, *, ram_bytes: int = 1024, seed: int = 0) -> Path:
    """Build the simulator of the SoC with the accelerator of `build` in `folder`; csr.json lies there too."""
    folder.mkdir()
    generate(build, target="litex", output=folder / "generated")
    script = Path(__file__).with_name("litex_soc.py")
    command = [sys.executable, str(script), str(folder / "generated"), str(folder / "made"), str(ram_bytes), str(seed)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    shutil.copyfile(folder / "made" / "csr.json", folder / "csr.json")
    shutil.copytree(folder / "made" / "gateware" / "mem", folder / "mem")
    ports = json.loads((build / "ports.json").read_text())
    sources = {f"{name}.sv": library(name).read_text() for name in MODULES}
    sources |= {Path(name).name: (folder / "generated" / name).read_text() for name in ports["files"]}
    sources |= {"soc.v": (folder / "made" / "gateware" / "soc.v").read_text(), "board.sv": WRAPPER}
    tools = find_tools()
    verilate(tools, folder, ["-O3", "-Wno-fatal", "-DREBNET_COUNTONES"], "board", sources)
    shutil.copyfile(Path(__file__).with_name("pins.cpp"), folder / "harness.cpp")
    default_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    compile_units(tools, default_folder(), folder, "-Og")
    return folder / "simulator"
