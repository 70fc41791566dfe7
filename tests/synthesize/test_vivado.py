"""Vivado: the project, and what its reports say; a program of the test's own plays Vivado."""

import json
from pathlib import Path

import pytest
from tests.synthesize.tools import read, tree, use_path, write_tool

from rebnet import boards, flow
from rebnet.boards import Resources
from rebnet.errors import FileFormatError, OptionError, ToolError
from rebnet.synthesize.vivado import read_fmax, read_utilization, synthesize_with_vivado

UTILIZATION = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved. Copyright 2022-2024 Advanced Micro Devices, Inc.
---------------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Command      : report_utilization -hierarchical -hierarchical_depth 2 -file utilization.rpt
| Design       : accelerator
| Device       : xc7z020clg484-1
| Design State : Routed
---------------------------------------------------------------------------------------------------

Utilization Design Information

1. Utilization by Hierarchy
---------------------------

+-----------------+--------------+------------+------------+---------+------+------+--------+--------+------------+
|     Instance    |    Module    | Total LUTs | Logic LUTs | LUTRAMs | SRLs |  FFs | RAMB36 | RAMB18 | DSP Blocks |
+-----------------+--------------+------------+------------+---------+------+------+--------+--------+------------+
| accelerator     |        (top) |       1234 |       1000 |     200 |   34 | 1500 |      3 |      1 |          4 |
|   (accelerator) |        (top) |         10 |         10 |       0 |    0 |   20 |      0 |      0 |          0 |
|   layer1        |         mvtu |       1224 |        990 |     200 |   34 | 1480 |      3 |      1 |          4 |
+-----------------+--------------+------------+------------+---------+------+------+--------+--------+------------+
* Note: The sum of lower-level cells may be larger than their parent cells total, due to cross-hierarchy LUT combining
"""

TIMING = """\
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)
    -------      -------  ---------------------  -------------------      -------      -------
     -0.250       -1.700                     12                20485        0.054        0.000


Timing constraints are not met.
"""

WORKS = f"""
import pathlib, sys
assert sys.argv[1:] == ["-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", "accelerator.tcl"]
text = pathlib.Path("accelerator.tcl").read_text()
names = text.split("read_verilog -sv {{")[1].split("}}")[0].split()
missing = [name for name in names if not pathlib.Path(name).is_file()]
assert not missing and "xc7z020clg484-1" in text
print("Command: synth_design -top accelerator")
print("Command: route_design")
pathlib.Path("utilization.rpt").write_text({UTILIZATION!r})
pathlib.Path("timing.rpt").write_text({TIMING!r})
"""


@pytest.fixture
def build(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build; nothing on PATH."""
    use_path(monkeypatch, tmp_path / "bin")
    return compiled


def test_without_vivado_the_project_is_there(build: Path) -> None:
    before = tree(build)
    answer = flow.synthesize(build, board="zc702", tool="vivado")
    project = build / "vivado"
    assert answer == {
        "project": str(project),
        "ran": False,
        "command": f"cd {project} && vivado -mode batch -source accelerator.tcl",
    }
    ports = json.loads((build / "ports.json").read_text())
    sources = [Path(file).name for file in ports["files"]]
    expected = {"accelerator.tcl", "clock.xdc", "files.f", "mem", *sources, *ports["memories"]}
    assert tree(build) - before == {"vivado", *(f"vivado/{name}" for name in expected)}
    assert (project / "files.f").read_text().split() == sources
    assert (project / "clock.xdc").read_text() == "create_clock -name aclk -period 5.000 [get_ports aclk]\n"
    assert (project / "mem/scores.hex").read_bytes() == (build / "mem/scores.hex").read_bytes()
    lines = (project / "accelerator.tcl").read_text().splitlines()
    assert lines[2:6] == [
        f"read_verilog -sv {{{' '.join(sources)}}}",
        "read_xdc -mode out_of_context clock.xdc",
        "synth_design -top accelerator -part xc7z020clg484-1 -mode out_of_context -flatten_hierarchy rebuilt",
        "opt_design",
    ]
    assert flow.synthesize(build, board="zc702", tool="vivado") == answer  # again, in place of the old one


def test_with_vivado_the_record_is_of_its_reports(build: Path, tmp_path: Path) -> None:
    write_tool(tmp_path / "bin", "vivado", WORKS)
    said: list[str] = []
    record = dict(synthesize_with_vivado(build, boards.find("zc702"), say=said.append))
    assert record.pop("ran")
    assert record.pop("project") == str(build / "vivado")
    assert {"schema": 1, **record} == read(build)
    assert record["tool"] == "Vivado 2024.1"
    assert record["total"] == {"LUT": 1234, "FF": 1500, "BRAM_36K": 3, "BRAM_18K": 1, "DSP": 4}
    assert [module["name"] for module in record["modules"]] == ["(accelerator)", "layer1"]
    assert record["fmax_mhz"] == 190.476  # 1000 / (5 + 0.25), rounded down
    assert (record["fits"], record["utilisation"]["BRAM"]) == (True, 2.86)
    assert said[-1] == "route design"
    assert (build / "vivado" / "utilization.rpt").is_file()


FAILURES = {
    "an error": ("print('ERROR: [Synth 8-439] no part'); raise SystemExit(1)", "[Synth 8-439] no part"),
    "killed": ("import os; os.kill(os.getpid(), 15)", "it was ended by SIGTERM"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_vivado_that_fails(build: Path, tmp_path: Path, case: str) -> None:
    before = tree(build)
    code, reason = FAILURES[case]
    write_tool(tmp_path / "bin", "vivado", f"print('words', flush=True)\n{code}")
    with pytest.raises(ToolError) as error:
        synthesize_with_vivado(build, boards.find("zc702"))
    log = build / "vivado-failed.log"
    assert str(error.value) == f"vivado failed on xc7z020clg484-1: {reason}; the log is {log}"
    assert log.read_text().startswith("words\n")
    assert tree(build) - before == {log.name}


def test_vivado_that_writes_nothing(build: Path, tmp_path: Path) -> None:
    before = tree(build)
    write_tool(tmp_path / "bin", "vivado", "")
    with pytest.raises(FileFormatError, match=r"^utilization.rpt: Vivado ended without writing it"):
        synthesize_with_vivado(build, boards.find("zc702"))
    assert tree(build) == before


def test_columns_are_found_by_name() -> None:
    newer = UTILIZATION.replace("| DSP Blocks", "| URAM | DSP Blocks").replace(
        "|          4 |", "|    9 |          4 |"
    )
    newer = newer.replace("|          0 |", "|    9 |          0 |")
    assert read_utilization(newer) == read_utilization(UTILIZATION)
    older = UTILIZATION.replace("DSP Blocks", "DSP48 Blocks")
    assert read_utilization(older)[0] == ("accelerator", "(top)", Resources(1234, 1500, 3, 1, 4))


@pytest.mark.parametrize("text", ["", UTILIZATION.replace("RAMB18", "RAMB9"), UTILIZATION.replace("FFs |", "Regs |")])
def test_a_table_that_is_not_one(text: str) -> None:
    with pytest.raises(FileFormatError, match=r"^utilization.rpt: no table of instances"):
        read_utilization(text)


def test_fmax() -> None:
    assert read_fmax(TIMING.replace("-0.250", " 1.000"), 5.0) == 250.0
    for text in ("", TIMING.replace("-0.250", "NA"), TIMING.replace("-0.250", "inf")):
        with pytest.raises(FileFormatError, match=r"^timing.rpt: no worst negative slack"):
            read_fmax(text, 5.0)


def test_other_vendors(build: Path) -> None:
    with pytest.raises(OptionError) as error:
        flow.synthesize(build, board="ulx3s-85", tool="vivado")
    assert str(error.value) == "'ulx3s-85' (lfe5u-85f) is none of AMD's, and Vivado knows no others; use yosys"
    with pytest.raises(OptionError) as error:
        flow.synthesize(build, board="zc702", tool="quartus")
    assert str(error.value) == "tool='quartus': use yosys or vivado"
