"""The FuseSoC core: what it names is there, and FuseSoC itself reads it."""

import shutil
import subprocess
import sys

import pytest
from tests.ir.networks import exported
from tests.records.chained import STANDINS

from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.fusesoc import CORE_FILE, core_text
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.records import Ports

NAME = "rebnet:accelerators:accelerator:1.0.0"
PORTS = {"top": "accelerator", "files": ["rtl/fifo.sv", "rtl/accelerator.sv"], "memories": ["mem/scores.hex"]}
TEXT = """\
CAPI=2:
name: rebnet:accelerators:accelerator:1.0.0
description: '1x1x2 - D2(2,1,2), a user''s'

filesets:
  rtl:
    files:
      - rtl/fifo.sv
      - rtl/accelerator.sv
    file_type: systemVerilogSource
  memories:
    files:
      - mem/scores.hex: {copyto: mem/scores.hex}
    file_type: user

targets:
  default: &default
    filesets: [rtl, memories]
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
    toplevel: accelerator
  synth:
    <<: *default
    default_tool: vivado
    toplevel: accelerator
"""


def test_text():
    ports = Ports.from_json("", STANDINS["ports.json"] | PORTS)
    assert core_text(ports, "1x1x2 - D2(2,1,2), a user's") == TEXT


def test_fusesoc_gathers_the_whole_build(tmp_path):
    """FuseSoC's own front end lays out every file under the name that the sources have for it."""
    pytest.importorskip("fusesoc", reason="install it with: pip install fusesoc")
    build = tmp_path / "build"
    storage.save(lower(exported(1, 1, 8, (2, 2, 1), (4,), 2)), build)
    fold(build)
    generate(build)
    assert (build / CORE_FILE).is_file()
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", str(build), "run", "--setup", "--target", "lint"]
    result = subprocess.run([*command, NAME], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    work = next((tmp_path / "build").rglob("*.eda.yml")).parent
    for memory in (build / "mem").iterdir():
        assert (work / "mem" / memory.name).read_text() == memory.read_text()
    listed = next(work.glob("*.eda.yml")).read_text()
    assert [path.name for path in (build / "rtl").iterdir() if path.name not in listed] == []
    assert "toplevel: accelerator" in listed
    shutil.rmtree(work)
