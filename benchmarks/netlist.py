"""The synthesized netlist of a whole board, simulated cell by cell: bytes in and bytes out on its serial line.

Yosys makes of shell and accelerator the cells of an iCE40, which its own `cells_sim.v` describes; Verilator plays them.
The netlist is the one that nextpnr is given.
"""

import importlib.util
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Board
from rebnet.boards.shells import placement_of
from rebnet.boards.shells.uart.identity import BYTES, QUESTION, Identity
from rebnet.engine.reference import run_mixed
from rebnet.errors import MissingExtraError, ToolError
from rebnet.files import write_text
from rebnet.ir import storage
from rebnet.records import Ports
from rebnet.simulate import cache
from rebnet.simulate.build import PREFIX, compile_units, find_tools, verilate
from rebnet.synthesize import files_of, yosys
from rebnet.synthesize.flows import flow_of

NETLIST = "netlist.v"
_SILENT = ("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-TIMESCALEMOD", "-DNO_ICE40_DEFAULT_ASSIGNMENTS")
_YOSYS_S = 1800.0
_HARNESS = """
#include "{prefix}.h"
#include <cstdio>
#include <vector>
// Sends the bytes of the file `in` at {bit} clocks a bit, the first one, a question, well before the others; prints
// each byte that comes back.
int main() {{
  const int bit = {bit};
  VerilatedContext context;
  {prefix} top(&context);
  std::vector<char> levels(200, 1);
  std::FILE* file = std::fopen("in", "rb");
  for (int byte, wait = {pause}; (byte = std::fgetc(file)) != EOF; wait = 0) {{
    for (int place = 0; place < 10; ++place)
      levels.insert(levels.end(), bit, place == 0 ? 0 : place == 9 ? 1 : byte >> (place - 1) & 1);
    levels.insert(levels.end(), wait, 1);
  }}
  levels.insert(levels.end(), {tail}, 1);
  int place = -1, byte = 0;
  top.button = 1;
  for (char level : levels) {{
    top.rx = level;
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    if (place < 0 && !top.tx) place = byte = 0;
    if (place < 0) continue;
    if (place % bit == bit / 2 && place > bit && place < 9 * bit) byte |= top.tx << (place / bit - 1);
    if (++place == 9 * bit + bit / 3) {{
      std::printf("%d ", byte);
      place = -1;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Played:
    """What a netlist said.

    Attributes:
        identity: who it says that it is; None where those are no such bytes.
        answers: the bytes after that.
    """

    identity: Identity | None
    answers: list[int]


def play(
    build: Path, board: Board, images: NDArray[np.uint8], work: Path, *, latency_cycles: int = 0, optimize: str = "-O0"
) -> Played:
    """Send a question and images over the serial line of the netlist of a build on a board.

    Args:
        build: folder that `generate` has filled.
        board: one of the iCE40's.
        images: n × height × width × channels.
        work: an empty folder.
        latency_cycles: of the accelerator; so long the last answer is waited for, beside the bytes of all.
        optimize: of the C++ compiler: "-O0" for few clocks, "-Og" for millions.

    Raises:
        MissingExtraError: Yosys is not there.
        ToolError: it failed, or what came back is no answer.
    """
    found = importlib.util.find_spec("pyosys")
    if found is None or found.origin is None:
        raise MissingExtraError("Yosys is not installed; install it with: pip install 'rebnet[synthesize]'")
    cells = Path(found.origin).parent / "share" / "ice40" / "cells_sim.v"
    made, shell = files_of(build, False), placement_of(board)
    around = shell.sources(made.ports)
    sources = {Path(file).name: text for file, text in made.sources.items()} | around
    for name, text in (sources | made.memories).items():
        write_text(work / name, text)
    commands = flow_of(board).commands(list(sources), shell, board, board.clock_mhz)
    yosys.run([*commands, f"write_verilog -noattr {NETLIST}"], work, cwd=work, timeout_s=_YOSYS_S, stop=Event())
    bit = shell.parameters(shell.oscillator_mhz)["BIT_CLOCKS"]
    place = work / "simulator"
    place.mkdir()
    (place / "in").write_bytes(QUESTION + b"".join(b"\0" + image.tobytes() for image in images))
    answer = len(_bytes(made.ports, [0] * Identity.of(made.ports).answers))
    pause, tail = 11 * bit * (BYTES + 4), latency_cycles + 11 * bit * (len(images) * answer + 4) + 10_000
    (place / "harness.cpp").write_text(_HARNESS.format(prefix=PREFIX, bit=bit, pause=pause, tail=tail))
    texts = {"cells_sim.v": cells.read_text(encoding="utf-8"), NETLIST: (work / NETLIST).read_text(encoding="utf-8")}
    tools = find_tools()
    verilate(tools, place, _SILENT, shell.top, texts)
    compile_units(tools, cache.open_folder(cache.default_folder()), place, optimize)
    said = subprocess.run([str(place / "simulator")], cwd=place, capture_output=True, text=True, check=True).stdout
    received = [int(byte) for byte in said.split()]
    if len(received) < BYTES:
        raise ToolError(f"the netlist of {build} on {board.name} answered {len(received)} bytes of {BYTES}")
    return Played(Identity.read(bytes(received[:BYTES])), received[BYTES:])


def expected(build: Path, images: NDArray[np.uint8]) -> list[int]:
    """The bytes of the answers by the law, at all levels: scores, the lowest byte first, and the label."""
    network, ports = storage.load(build), files_of(build, False).ports
    scores = run_mixed(network, images, np.full(len(images), network.levels, dtype=np.int64))
    return [byte for row in scores for byte in _bytes(ports, [int(score) for score in row.ravel()])]


def _bytes(ports: Ports, row: Sequence[int]) -> list[int]:
    size = ports.m_axis.tdata_bits // 8
    return [*b"".join(score.to_bytes(size, "little", signed=True) for score in row), row.index(max(row))]
