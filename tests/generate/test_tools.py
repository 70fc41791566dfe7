"""Generated tops as tools read them: no warning from the simulator, and none from an independent front end."""

import subprocess
import sys

import pytest
from tests.ir.networks import exported, from_text

from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.simulate.build import verilator_folder
from rebnet.stages.window import WindowUnit

NETWORKS = {
    "dense": exported(1, 3, 8, (4, 4, 1), (6, 5), 4),
    "pixels a word, parts in a pool": from_text(
        "7x6x3 - C6(1,3):3x3+same - MP2/1 - C4(1,3):2x2/2+same - MP2 - D3(2,2)"
    ),
    "windows a word": from_text("6x6x3 - C5(4,27):3x3 - MP3/1 - C3(3,20):2x2+same - D4(4,6) - D3", levels=3, bits=4),
    "everything in a few cycles": from_text("8x8x1 - C4(4,9):3x3/2 - C3(3,16):2x2 - MP2 - D2(2,3)", levels=1),
}


@pytest.fixture(params=NETWORKS)
def build(request, tmp_path):
    build = tmp_path / "build"
    storage.save(lower(NETWORKS[request.param]), build)
    fold(build)
    generate(build)
    return build


def sources(build):
    return sorted(str(path) for path in (build / "rtl").glob("*.sv"))


def test_the_networks_have_every_kind_of_stage(tmp_path):
    """Converters of each name; windows and pools of parts of a pixel, of pixels, and of several at a time."""
    seen = set()
    for name, network in NETWORKS.items():
        storage.save(lower(network), tmp_path / name)
        for stage in fold(tmp_path / name).stages:
            if isinstance(stage, WindowUnit):
                seen.add(("pool" if stage.pool else "window", stage.pixel_words > 1, stage.reads > 1, stage.writes > 1))
            else:
                seen.add(stage.name.partition("_")[2] or "layer")
    assert seen == {
        "gather", "pool_gather", "convert", "layer",
        ("window", True, False, False), ("window", False, True, False), ("window", False, True, True),
        ("pool", True, False, False), ("pool", False, False, False), ("pool", False, True, False),
    }  # fmt: skip


@pytest.mark.rtl
def test_the_simulator_has_no_warning(build):
    verilator = verilator_folder() / "verilator"
    command = ["perl", str(verilator), "--lint-only", "-Wall", "--top-module", "accelerator", *sources(build)]
    result = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


_SYNTHESIS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


def test_yosys_reads_and_elaborates_it(build):
    pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")
    commands = [f"read_verilog -sv -defer {' '.join(sources(build))}"]
    commands += ["hierarchy -check -top accelerator", "proc", "check -assert"]
    result = subprocess.run(
        [sys.executable, "-c", _SYNTHESIS, *commands], cwd=build, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    warnings = [line for line in (result.stdout + result.stderr).splitlines() if "Warning" in line]
    assert warnings == []
