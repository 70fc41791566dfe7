"""The picture of the AXI shell against the shell's files: modules, ports, directions, widths."""

import re
from itertools import pairwise
from typing import Any

import pytest

from rebnet.boards.shells import axi
from rebnet.records.ports import RuntimeWeights

from .pages import tool

drawn = tool("draw_axi_shell")
BUS = re.compile(r"^([a-z]+_axis?)_.*")
_PORT = re.compile(r"^ *(input|output) +(?:logic|wire)(?: *\[[^]]*\])? *(\w+),?$", re.MULTILINE)
WEIGHTS = RuntimeWeights(shape="0", gain_bits=20, address_bits=16, bus_bits=51, latency_cycles=8, words=9, memories=())
TOP = axi.top_text(axi.AxiParameters("accelerator", (2, 2, 1), 1, 4, 2, 2, False, 20, 3, 10, 1, "0" * 64, WEIGHTS))


def sides(text: str) -> dict[str, str]:
    """Ports of a module and their directions; a bus by what its ports begin with, as its `valid` goes."""
    ports = {port: side for side, port in _PORT.findall(text)}
    buses = {BUS.sub(r"\1", port): side for port, side in ports.items() if port.endswith(("tvalid", "awvalid"))}
    return {port: side for port, side in ports.items() if not BUS.match(port)} | buses


MODULES = {name: sides(axi.source(name).read_text(encoding="utf-8")) for name in (*axi.MODULES, *axi.LOADING)}


def test_the_picture_is_that_of_the_shell() -> None:
    assert drawn.PICTURE.read_text(encoding="utf-8") == drawn.picture(), "run tools/draw_axi_shell.py"


def test_every_module_is_a_box() -> None:
    boxes = {box.name: box.kind for box in drawn.BOXES if box.kind in ("shell", "load")}
    assert set(boxes) == {name for name in MODULES if not name.endswith("_map")} - {"axi_shell"}
    assert {name for name, kind in boxes.items() if kind == "load"} == set(axi.LOADING) & set(boxes)


@pytest.mark.parametrize("wire", drawn.WIRES, ids=lambda wire: f"{wire.source} {wire.out[0]}")
def test_a_wire_joins_ports_that_are_there(wire: Any) -> None:
    network = set(re.findall(r"^ +\.(\w+)\(", TOP.split(" network (")[1], re.MULTILINE))
    for name, ports, side in ((wire.source, wire.out, "output"), (wire.target, wire.into, "input")):
        if name in MODULES:
            assert [port for port in ports if MODULES[name].get(port) != side] == []
        if name == "accelerator":
            assert {BUS.sub(r"\1", port) for port in network} >= set(ports)


def test_no_port_of_the_top_is_left_out() -> None:
    ports = {port: side for port, side in sides(TOP).items() if port not in ("aclk", "aresetn")}
    into = {port: "input" for wire in drawn.WIRES if wire.source in drawn.HOST for port in wire.out}
    out = {port: "output" for wire in drawn.WIRES if wire.target in drawn.HOST for port in wire.into}
    assert into | out == ports


def test_widths_are_those_of_the_ports() -> None:
    assert f"answers, {axi.ANSWER_BITS} bits" in drawn.picture()
    assert "output wire [63:0] m_axis_tdata" in TOP
    assert "input  wire [11:0] s_axi_awaddr" in TOP
    assert "addresses of 12" in drawn.picture()


@pytest.mark.parametrize("wire", drawn.WIRES, ids=lambda wire: f"{wire.source} {wire.out[0]}")
def test_a_wire_goes_from_its_box_to_its_box(wire: Any) -> None:
    """But for `hold`, which ends on the stream of images."""
    points, at = [], [0, 0]
    for command, numbers in re.findall(r"([MHV])([\d ]+)", wire.path):
        values = [int(number) for number in numbers.split()]
        at = values if command == "M" else [values[0], at[1]] if command == "H" else [at[0], values[0]]
        points.append(tuple(at))
    boxes = {box.name: box.at for box in drawn.BOXES}
    ends = [(wire.source, points[0]), (wire.target, points[-1])][: 1 if wire.out == ("hold",) else 2]
    for name, (x, y) in ends:
        left, top, width, height = boxes[name]
        assert left <= x <= left + width, name
        assert top <= y <= top + height, name
        assert x in (left, left + width) or y in (top, top + height), name
    assert all(a != b for a, b in pairwise(points))
