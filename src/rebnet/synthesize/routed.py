"""The longest path after routing, in the names of the source, from nextpnr's JSON report.

nextpnr lists the longest path between each pair of clocks as steps: out of a register, along a wire, through a cell,
into a register. Wires that a source declares keep their names through Yosys; cells are named after the wire that they
drive (`count_q_TRELLIS_FF_Q_1`), and what Yosys adds to a name is left out here.
"""

import re
from collections.abc import Mapping
from typing import Any

from rebnet.records.synthesis import RoutedPath

_ADDED = re.compile(
    r"_(?:TRELLIS_FF|TRELLIS_DPR16X4|TRELLIS_COMB|LUT4|CCU2C|PFUMX|L6MUX21|DP16KD|PDPW16KD|MULT18X18D|ALU54B"  # ECP5
    r"|SB_[A-Z0-9]+(?:_[A-Z0-9]+)?"  # iCE40
    r"|DFF[A-Z]*|LUT[1-4]|MUX2_LUT[5-8]|ALU|RAM16SDP4|SPX?9?|SDPX?9?B?|MULT[0-9]+X[0-9]+)_[A-Z]"  # Gowin
    r"|\$(?!glbnet\$)"
)
_CLOCK = re.compile(r"(?:pos|neg)edge (?:\$glbnet\$)?(.+)")


def longest_path(report: Mapping[str, Any], clock_net: str) -> RoutedPath | None:
    """The longest path from a register to a register of `clock_net`; None where the report lists none.

    Args:
        report: nextpnr's, parsed.
        clock_net: name of the clock's net.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not such a report.
    """
    for path in report.get("critical_paths", ()):
        if _clock(path["from"]) == _clock(path["to"]) == clock_net and path["path"]:
            return _path(path["path"])
    return None


def _path(steps: list[Mapping[str, Any]]) -> RoutedPath:
    wires = [step for step in steps if step["type"] == "routing"]
    names = [str(step["net"]) for step in wires]
    routing = sum(float(step["delay"]) for step in wires)
    total = sum(float(step["delay"]) for step in steps)
    first, last = steps[0]["from"], steps[-1]["to"]
    return RoutedPath(
        begin=plain(names[0]) if names else plain(first["cell"]),
        end=plain(last["cell"]),
        end_port=str(last["port"]),
        through=tuple(dict.fromkeys(name for name in names[1:] if plain(name) == name)),
        levels=sum(step["type"] == "logic" for step in steps),
        ns=round(total, 3),
        logic_ns=round(total - routing, 3),
        routing_ns=round(routing, 3),
    )


def plain(name: str) -> str:
    """A name without what Yosys and nextpnr add to it: `first.count_q` of `first.count_q_TRELLIS_FF_Q_1`."""
    added = _ADDED.search(name, 1)
    return name if added is None else name[: added.start()]


def _clock(event: str) -> str | None:
    found = _CLOCK.fullmatch(event)
    return found[1] if found else None
