"""Levels of logic of a mapped netlist: the longest path from a register to a register, before place and route.

A level is what costs a wire and a cell: a LUT, the entry of a carry chain, the select pin of a wide multiplexer, a
multiplier, a read of LUT RAM. Along a carry chain and through a multiplexer's data pins, which stand in the slice of
their LUTs, there is no more than a tenth of that, and it counts nothing.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from rebnet.errors import ToolError
from rebnet.records.kinds import Path as Name
from rebnet.synthesize.routed import plain

_REGISTERS = frozenset(("TRELLIS_FF", "DP16KD", "PDPW16KD"))
_FREE = {"CCU2C": ("CIN",), "PFUMX": ("ALUT", "BLUT"), "L6MUX21": ("D0", "D1")}
"""Inputs whose way through the cell is within a slice."""
_READS = {"TRELLIS_DPR16X4": ("RAD",)}
"""Inputs of memories that are read at once; their others end a path, as a register's do."""
_KNOWN = frozenset(("LUT4", "CCU2C", "PFUMX", "L6MUX21", "TRELLIS_DPR16X4", "MULT18X18D")) | _REGISTERS


@dataclass(frozen=True)
class Depth:
    """The longest path between registers of an ECP5's netlist.

    Attributes:
        levels: of logic.
        begin: the signal that the first register drives, as in the source.
        end: the register or memory that it ends in.
        through: signals of the source that it passes, in order.
    """

    levels: int
    begin: Name
    end: Name
    through: tuple[Name, ...]


@dataclass(frozen=True)
class _Cell:
    name: str
    kind: str
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[int, ...]

    def ways(self) -> Iterator[tuple[int, int]]:
        """Bits that its outputs depend on at once, each with the levels that it costs from there."""
        if self.kind in _REGISTERS:
            return
        through = _READS.get(self.kind)
        for port, bit in self.inputs:
            if through is None or port in through:
                yield bit, int(port not in _FREE.get(self.kind, ()))

    def ends(self) -> Iterator[int]:
        """Bits at which a path ends in it."""
        through = _READS.get(self.kind, ())
        for port, bit in self.inputs:
            if self.kind in _REGISTERS or (through and port not in through):
                yield bit


def depth_of(netlist: Path, top: str) -> Depth:
    """The depth of a netlist that Yosys has mapped for the ECP5, flattened and written as JSON.

    Raises:
        ToolError: it has cells that are not the ECP5's, or a loop without a register.
    """
    module = json.loads(netlist.read_text(encoding="utf-8"))["modules"][top]
    cells = [_cell(name, cell) for name, cell in module["cells"].items() if cell["type"] != "$scopeinfo"]
    unknown = sorted({cell.kind for cell in cells} - _KNOWN)
    if unknown:
        raise ToolError(f"Yosys left cells of kind {unknown[0]}, of which no rule says how deep they are")
    drivers = {bit: cell for cell in cells for bit in cell.outputs}
    depths: dict[int, int] = {}
    before: dict[int, int] = {}
    for bit in _ordered(drivers):
        arrivals = [(depths.get(source, 0) + cost, source) for source, cost in drivers[bit].ways()]
        depths[bit], before[bit] = max(arrivals, default=(0, bit))
    ends = [(depths.get(bit, 0), cell.name, bit) for cell in cells for bit in cell.ends()]
    deepest, end, bit = max(ends, default=(0, "", 0))
    path = [bit]
    while before.get(path[-1], path[-1]) != path[-1]:
        path.append(before[path[-1]])
    names = _names(module["netnames"])
    passed = [names[bit] for bit in reversed(path) if bit in names]
    begin = plain(names.get(path[-1], ""))
    through = tuple(dict.fromkeys(name for name in passed if plain(name) == name and name != begin))
    return Depth(deepest, begin, plain(end), through)


def _cell(name: str, cell: Mapping[str, Any]) -> _Cell:
    inputs: list[tuple[str, int]] = []
    outputs: list[int] = []
    for port, bits in cell["connections"].items():
        wires = [bit for bit in bits if isinstance(bit, int)]  # the others are constants
        if cell["port_directions"][port] == "output":
            outputs += wires
        elif port not in ("CLK", "WCK", "CLKA", "CLKB", "CLKR", "CLKW"):
            inputs += [(port, bit) for bit in wires]
    return _Cell(name, cell["type"], tuple(inputs), tuple(outputs))


def _ordered(drivers: Mapping[int, _Cell]) -> list[int]:
    graph: dict[int, list[int]] = defaultdict(list)
    for bit, cell in drivers.items():
        graph[bit] = [source for source, _ in cell.ways() if source in drivers]
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ToolError(f"Yosys left a loop without a register, of {len(error.args[1]) - 1} signals") from None


def _names(nets: Mapping[str, Any]) -> dict[int, str]:
    """Of each bit the shortest name that a source gave, with its place in a vector."""
    names: dict[int, str] = {}
    for name, net in sorted(nets.items(), key=lambda item: (item[1]["hide_name"], len(item[0]), item[0])):
        bits = net["bits"]
        for place, bit in enumerate(bits):
            if isinstance(bit, int):
                names.setdefault(bit, name if len(bits) == 1 else f"{name}[{place}]")
    return names
