"""What the tests of synthesis work on: a hierarchy whose cells can be counted by hand, and the smallest build."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.ir.networks import from_text
from tests.simulate.builds import locked, save_run

from rebnet import flow
from rebnet.boards import Family
from rebnet.synthesize.hierarchy import synthesize_rtl
from rebnet.synthesize.usage import Netlist

NETWORK = "2x2x1 - D2(1,2)"
PART = "ice40up5k"

FILES = {
    "top.sv": """\
module top (input logic clk, input logic [7:0] a, b, c, output logic [7:0] x, y, z, output logic any);
  leaf #(.WIDTH(8)) first (.clk, .d(a), .q(x));
  leaf #(.WIDTH(8)) second (.clk, .d(b), .q(y));
  leaf #(.WIDTH(4)) half (.clk, .d(c[3:0]), .q(z[3:0]));
  pair both (.clk, .d(c[7:4]), .q(z[7:4]));
  always_ff @(posedge clk) any <= |a[3:0];
endmodule
""",
    "pair.sv": """\
module pair (input logic clk, input logic [3:0] d, output logic [3:0] q);
  leaf #(.WIDTH(2)) low (.clk, .d(d[1:0]), .q(q[1:0]));
  leaf #(.WIDTH(2)) high (.clk, .d(d[3:2]), .q(q[3:2]));
endmodule
""",
    "leaf.sv": """\
module leaf #(parameter int WIDTH = 1) (input logic clk, input logic [WIDTH-1:0] d, output logic [WIDTH-1:0] q);
  always_ff @(posedge clk) q <= d;
endmodule
""",
    "memory.sv": """\
module memory (input logic clk, write, input logic [3:0] a, b, d, output logic [3:0] q);
  (* ram_style = "distributed" *) logic [3:0] words[16];
  always_ff @(posedge clk) if (write) words[a] <= d;
  always_ff @(posedge clk) q <= words[b];
endmodule
""",
}


@pytest.fixture
def hierarchy(tmp_path: Path) -> Callable[..., Netlist]:
    """`hierarchy(family)`: the small hierarchy of `FILES` synthesized; options as `synthesize_rtl`'s."""
    for name, text in FILES.items():
        path = tmp_path / "work" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    sources = [name for name in FILES if name.endswith(".sv")]

    def call(family: Family, *, top: str = "top", **options: Any) -> Netlist:
        return synthesize_rtl(sources, top, family, folder=tmp_path / "work", cache_dir=tmp_path / "cache", **options)

    return call


@pytest.fixture
def build_small(tmp_path: Path) -> Path:
    """A build that is not synthesized."""
    return compile_small(tmp_path)


def compile_small(folder: Path) -> Path:
    """Compile a random network of one layer into `folder/build`."""
    run = save_run(folder / "run", from_text(NETWORK, levels=1, bits=1))
    flow.compile(run, folder / "build")
    return folder / "build"


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A synthesized build and the cache of its results, which all workers share; for reading only."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "synthesized"
    folder.mkdir(exist_ok=True)
    with locked(folder / "lock"):
        if not (folder / "build" / "synthesis.json").exists():
            compile_small(folder)
            flow.synthesize(folder / "build", part=PART, processes=1, cache_dir=folder / "cache")
    return folder / "build", folder / "cache"
