"""Modules of the library whose constants can be written at run time: their text with writable memories in it.

They are the library's own texts, changed in the few places where constants are read, so that there is one `mvtu` to
maintain and nothing moves in accelerators that do not ask for this. Each place is named by the text that stands there
and must be found once: where the library changed, this says so and makes nothing.
"""

import re
from collections.abc import Mapping

from rebnet.rtl import WRITABLE, source

BUS_BITS = 35
"""Bits of the configuration bus beside its address: valid, write, served and 32 of data."""

LATENCY = 3
"""Cycles of a request through one memory beside those in which it is read."""

_BUS = "config"
_HEAD = """\
// Its constants can be written while it is idle: config_in and config_out are the bus of writable_memory.sv, through
// {memories}, from whose BASE on each has its window.
"""
_MVTU_GAINS = """\
  // The gains, in the cycle in which the sums are picked.
  logic [LANES_ROW*GAIN_WIDTH-1:0] gains_q;
  if (MULTIPLY != 0) begin : gains
    localparam int DEPTH = SETS * GROUPS;
    localparam int GAIN_ADDRESS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    logic [GAIN_ADDRESS-1:0] address;
    if (SETS > 1) begin : set_of_levels
      assign address = GAIN_ADDRESS'((int'(drain_levels_q) - 1) * GROUPS + int'(drain_group_q));
    end else begin : one_set
      assign address = GAIN_ADDRESS'(drain_group_q);
    end
    rom #(
        .WIDTH(LANES_ROW * GAIN_WIDTH),
        .DEPTH(DEPTH),
        .FILE (GAIN_FILE),
        .STYLE("distributed")
    ) gain_memory (
        .clk,
        .address,
        .data_q(gains_q)
    );
  end else begin : constant_gains
    logic unused_gains;
    assign unused_gains = &gains_q;
    assign gains_q = '0;
    assign config_gain = config_threshold;
  end

  logic [LANES*ACC_WIDTH-1:0] product;
"""
_MVTU: tuple[tuple[str, str], ...] = (
    ("// [(p*PLANE_LANES + j)*SIMD +: SIMD], in columns of WEIGHT_COLUMN bits (rom.sv).",
     "// [(p*PLANE_LANES + j)*SIMD +: SIMD].\n"
     "// GAIN_FILE: with MULTIPLY a word of the gains of LANES_ROW lanes per set and group; else they are GAINS."),
    ('    parameter THRESHOLD_FILE = "",\n', '    parameter THRESHOLD_FILE = "",\n    parameter GAIN_FILE = "",\n'),
    ("    parameter int WEIGHT_COLUMN = PE * PLANE_LANES * SIMD,\n", ""),
    ("      .COLUMN(WEIGHT_COLUMN),\n", ""),
    ("  logic [LANES*ACC_WIDTH-1:0] product;\n", _MVTU_GAINS),
    ("      logic [SET_WIDTH-1:0] set;\n      logic [GAIN_WIDTH-1:0] gain_q;\n"
     "      if (SETS > 1) begin : set_of_levels\n        assign set = SET_WIDTH'(drain_levels_q - 1'b1);\n"
     "      end else begin : one_set\n        assign set = '0;\n      end\n",
     "      logic [GAIN_WIDTH-1:0] gain_q;\n"
     "      assign gain_q = gains_q[l%LANES_ROW*GAIN_WIDTH+:GAIN_WIDTH];\n"),
    ("        gain_q <= "
     "GAINS[((int'(set)*GROUPS+int'(drain_group_q))*LANES_ROW+l%LANES_ROW)*GAIN_WIDTH+:GAIN_WIDTH];\n",
     ""),
    ("  localparam int SET_WIDTH = SETS > 1 ? $clog2(SETS) : 1;\n", ""),
    ("  end else begin : accumulators\n",
     "  end else begin : accumulators\n    assign config_threshold = config_weight;\n"),
)  # fmt: skip
_EDITS: Mapping[str, tuple[tuple[str, str], ...]] = {"mvtu": _MVTU, "scores": ()}
_MEMORIES: Mapping[str, tuple[str, ...]] = {"mvtu": ("weight", "threshold", "gain"), "scores": ("constant",)}
_ROM = re.compile(
    r"rom #\(\n(?P<indent> +)(?P<parameters>.*?)\) (?P<name>\w+)_memory \(\n(?P<ports> +)\.clk,", re.DOTALL
)
_LAST_PORT = re.compile(r"( out_levels)\n\);")
_FIRST_FILE = re.compile(r"    parameter (WEIGHT|CONSTANT)_FILE = \"\"")

MODULES = tuple(_EDITS)
"""Those whose constants can be written."""


def writable(module: str) -> str:
    """The text of a module of the library with writable memories in the place of its own.

    Raises:
        KeyError: a module that has none, or that is not served.
        ValueError: the library's text has not what is to be replaced.
    """
    memories, text = _MEMORIES[module], source(module).read_text(encoding="utf-8")
    for before, after in _EDITS[module]:
        text = _once(module, text, re.compile(re.escape(before)), after)
    text, count = _ROM.subn(lambda found: _instance(found, memories), text)
    if count != len(memories):
        raise ValueError(f"{module}: has {count} memories, and {len(memories)} are known; see rebnet.rtl.writable")
    bases = "".join(f"    parameter int {name.upper()}_BASE = 0,\n" for name in memories)
    first = _FIRST_FILE.search(text)
    assert first is not None
    text = _once(module, text, _FIRST_FILE, f"    parameter int CONFIG_ADDRESS = 16,\n{bases}{first.group()}")
    ports = f"    input  logic [CONFIG_ADDRESS+{BUS_BITS - 1}:0] {_BUS}_in,\n"
    ports += f"    output logic [CONFIG_ADDRESS+{BUS_BITS - 1}:0] {_BUS}_out\n);\n"
    wires = [f"{_BUS}_{name}" for name in memories]
    ports += f"  logic [CONFIG_ADDRESS+{BUS_BITS - 1}:0] {', '.join(wires)};\n"
    ports += f"  assign {_BUS}_out = {wires[-1]};"
    text = _once(module, text, _LAST_PORT, " out_levels,\n" + ports)
    listed = ", ".join(f"{name}_memory" for name in memories)
    return _once(
        module,
        text,
        re.compile(rf"^module {module} ", re.MULTILINE),
        f"{_HEAD.format(memories=listed)}module {module} ",
    )


def _instance(found: re.Match[str], memories: tuple[str, ...]) -> str:
    """An instance of a rom as one of a writable memory, on the bus behind the memory before it."""
    name, indent, ports = found["name"], found["indent"], found["ports"]
    place = memories.index(name)
    before = f"{_BUS}_{memories[place - 1]}" if place else f"{_BUS}_in"
    return (
        f"{WRITABLE} #(\n{indent}.CONFIG_ADDRESS(CONFIG_ADDRESS),\n{indent}.BASE({name.upper()}_BASE),\n"
        f"{indent}{found['parameters']}) {name}_memory (\n"
        f"{ports}.config_in({before}),\n{ports}.config_out({_BUS}_{name}),\n{ports}.clk,"
    )


def _once(module: str, text: str, what: re.Pattern[str], after: str) -> str:
    changed, count = what.subn(lambda found: after, text)
    if count != 1:
        raise ValueError(f"{module}: {what.pattern!r} stands {count} times in it, not once; see rebnet.rtl.writable")
    return changed
