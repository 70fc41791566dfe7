"""Units say what a module does and nothing else."""

import subprocess
import sys

import pytest

from rebnet.synthesize.rtlil import library_name, parse

pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")

_ELABORATE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in ("read_verilog -sv -defer top.sv", "hierarchy -check -top top", "write_rtlil top.il"):
    libyosys.run_pass(command, design)
"""

ROM = """
module rom #(parameter STYLE = "block", parameter FILE = "a.hex") (
    input logic clk, input logic [1:0] a, output logic [3:0] q
);
  (* ram_style = STYLE, rom_style = STYLE *) logic [3:0] memory[4];
  initial $readmemh(FILE, memory);
  always_ff @(posedge clk) q <= memory[a];
endmodule
"""


@pytest.fixture
def units(tmp_path):
    """Units of a design by their modules' names; a list for each module."""
    (tmp_path / "a.hex").write_text("1\n3\n5\n7\n")  # lowest bit 1, highest 0
    (tmp_path / "b.hex").write_text("3\n1\n7\n3\n")
    (tmp_path / "c.hex").write_text("2\n1\n7\n3\n")

    def elaborate(text):
        (tmp_path / "top.sv").write_text(text)
        subprocess.run([sys.executable, "-c", _ELABORATE], cwd=tmp_path, check=True, capture_output=True)
        design = parse((tmp_path / "top.il").read_text())
        assert design.units[design.top].module == "top"
        found = {}
        for unit in design.units.values():
            found.setdefault(unit.module, []).append(unit)
        return found

    return elaborate


def top(inside):
    return f"module top (input logic clk, input logic [1:0] a, output logic [3:0] q);\n{inside}\nendmodule\n"


def test_the_same_module_elsewhere_has_the_same_text(units):
    (one,) = units(ROM + top("rom r (.clk, .a, .q);"))["rom"]
    other = "module more (input logic clk, d, output logic q); always_ff @(posedge clk) q <= d & ~q; endmodule\n"
    moved = "// a comment\n" + other + "\n" + ROM
    inside = 'logic x; more m (.clk, .d(a[0]), .q(x)); rom #(.FILE("a.hex")) s (.clk, .a(a ^ {x, x}), .q);'
    (two,) = units(moved + top(inside))["rom"]
    assert one.text == two.text
    assert "top.sv" not in one.text


def test_contents_of_a_block_ram_count_by_their_constant_columns(units):
    def text(file, style):
        (unit,) = units(ROM + top(f'rom #(.FILE("{file}"), .STYLE("{style}")) r (.clk, .a, .q);'))["rom"]
        return unit.text

    assert text("a.hex", "block") == text("b.hex", "block")
    assert text("a.hex", "block") != text("c.hex", "block")
    assert text("a.hex", "distributed") != text("b.hex", "distributed")


def test_what_a_module_does_is_in_its_text(units):
    (one,) = units(ROM + top("rom r (.clk, .a, .q);"))["rom"]
    (two,) = units(ROM.replace("memory[a]", "memory[~a]") + top("rom r (.clk, .a, .q);"))["rom"]
    assert one.text != two.text


def test_submodules_are_black_boxes_with_their_ports(units):
    found = units(ROM + top("logic [3:0] p; rom r (.clk, .a, .q(p)); rom s (.clk, .a(p[1:0]), .q);"))
    (unit,) = found["top"]
    assert unit.instances == {"r": unit.kinds["box_0"], "s": unit.kinds["box_0"]}
    assert len(found["rom"]) == 1
    ports = "  wire input 1 \\clk\n  wire width 2 input 2 \\a\n  wire width 4 output 3 \\q\n"
    assert unit.text.startswith(f"attribute \\blackbox 1\nmodule \\box_0\n{ports}end\n")
    assert unit.text.count("  cell \\box_0 ") == 2


@pytest.mark.parametrize("name", ["\\mvtu", "$paramod$0123456789abcdef\\mvtu", "$paramod\\mvtu\\PE=s32'00\\FILE=t8'1"])
def test_names_of_the_library(name):
    assert library_name(name) == "mvtu"
