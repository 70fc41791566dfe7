"""The synthesized netlist of a whole board, simulated cell by cell: bytes in and out on the serial line, as the law.

Yosys makes of shell and accelerator the cells of an iCE40, which its own `cells_sim.v` describes; Verilator plays them.
"""

import importlib.util
import subprocess
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rebnet import boards
from rebnet.boards.shells import placement_of
from rebnet.boards.shells.uart.identity import BYTES, QUESTION, Identity
from rebnet.engine.reference import run_mixed
from rebnet.files import write_text
from rebnet.ir import storage
from rebnet.simulate import cache
from rebnet.simulate.build import PREFIX, compile_units, find_tools, verilate
from rebnet.synthesize import files_of, yosys
from rebnet.synthesize.flows import flow_of

IMAGES = 20
SILENT = ("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-TIMESCALEMOD", "-DNO_ICE40_DEFAULT_ASSIGNMENTS")
HARNESS = """
#include "{prefix}.h"
#include <cstdio>
#include <vector>
// Sends the bytes of the file `in` at 12 clocks a bit, the first one, a question, well before the others; prints each
// byte that comes back.
int main() {{
  VerilatedContext context;
  {prefix} top(&context);
  std::vector<int> levels(200, 1);
  std::FILE* file = std::fopen("in", "rb");
  for (int byte, wait = 8000; (byte = std::fgetc(file)) != EOF; wait = 0) {{
    for (int place = 0; place < 10; ++place)
      levels.insert(levels.end(), 12, place == 0 ? 0 : place == 9 ? 1 : byte >> (place - 1) & 1);
    levels.insert(levels.end(), wait, 1);
  }}
  levels.insert(levels.end(), 20000, 1);
  int place = -1, byte = 0;
  top.button = 1;
  for (int level : levels) {{
    top.rx = level;
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    if (place < 0 && !top.tx) place = byte = 0;
    if (place < 0) continue;
    if (place % 12 == 6 && place > 12 && place < 108) byte |= top.tx << (place / 12 - 1);
    if (++place == 112) {{
      std::printf("%d ", byte);
      place = -1;
    }}
  }}
}}
"""


@pytest.mark.rtl
def test_the_netlist_answers_as_the_law(compiled: Path, tmp_path: Path) -> None:
    found = importlib.util.find_spec("pyosys")
    if found is None or found.origin is None:
        pytest.skip("install it with: pip install 'rebnet[synthesize]'")
    cells = Path(found.origin).parent / "share" / "ice40" / "cells_sim.v"
    board = boards.find("icebreaker")
    made, shell, work = files_of(compiled, False), placement_of(board), tmp_path / "netlist"
    work.mkdir()
    sources = {Path(file).name: text for file, text in made.sources.items()} | shell.sources(made.ports)
    for name, text in (sources | made.memories).items():
        write_text(work / name, text)
    commands = [*flow_of(board).commands(list(sources), shell, board.clock_mhz), "write_verilog -noattr netlist.v"]
    yosys.run(commands, work, cwd=work, timeout_s=600, stop=Event())

    network = storage.load(compiled)
    images = np.random.default_rng(1).integers(0, 256, (IMAGES, *made.ports.s_axis.image), dtype=np.uint8)
    scores = run_mixed(network, images, np.ones(IMAGES, dtype=np.int64))
    size = made.ports.m_axis.tdata_bits // 8
    expected = [
        byte
        for row in scores
        for byte in (*b"".join(int(score).to_bytes(size, "little", signed=True) for score in row), int(row.argmax()))
    ]
    place = tmp_path / "simulator"
    place.mkdir()
    (place / "in").write_bytes(QUESTION + b"".join(b"\0" + image.tobytes() for image in images))
    (place / "harness.cpp").write_text(HARNESS.format(prefix=PREFIX))
    tools = find_tools()
    texts = {"cells_sim.v": cells.read_text(), "netlist.v": (work / "netlist.v").read_text()}
    verilate(tools, place, SILENT, shell.top, texts)
    compile_units(tools, cache.open_folder(cache.default_folder()), place, "-O0")
    said = subprocess.run([str(place / "simulator")], cwd=place, capture_output=True, text=True, check=True).stdout
    received = [int(byte) for byte in said.split()]
    assert Identity.read(bytes(received[:BYTES])) == Identity.of(made.ports)
    assert received[BYTES:] == expected
    assert len({int(row.argmax()) for row in scores}) > 1
