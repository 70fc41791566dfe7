"""Each unit of an accelerator alone between registers: levels of logic, and on the ECP5 nanoseconds after routing.

A whole design has one longest path; this has one for each unit, in seconds each. A unit's inputs come from a shift
register and its outputs go into another, so that every path in it is one from a register to a register. What is
between two units is then in both: where the path of one begins or ends at a port, it joins the neighbour's.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import get_args

from rebnet.boards import Board, Part, find
from rebnet.choices import MODULE_TIMEOUT_S, Timing
from rebnet.errors import OptionError, ToolError
from rebnet.files import make_folder, write_bytes, write_text
from rebnet.records import Synthesis
from rebnet.records.synthesis import RoutedPath, UnitTiming
from rebnet.swap import scratch
from rebnet.synthesize import child, files_of, yosys
from rebnet.synthesize import scratch as sources_of
from rebnet.synthesize.flows.ecp5 import Ecp5, device
from rebnet.synthesize.flows.names import NETLIST, NEXTPNR_LOG, REPORT
from rebnet.synthesize.flows.report import read_report
from rebnet.synthesize.hierarchy import LOGS, elaboration
from rebnet.synthesize.levels import Depth, depth_of
from rebnet.synthesize.place import check_seed
from rebnet.synthesize.rtlil import Design, library_name, parse
from rebnet.synthesize.together import together

TARGET_MHZ = 200
"""What nextpnr aims at, above what the units reach."""
_TOP, _UNIT, _INSTANCE, _WHOLE, _CLOCKS = "alone", "alone_unit", "unit", "whole.il", ("clk", "aclk")
_NEXT = "_alone_next"
_PORT = re.compile(r"^  wire (?:width (\d+) )?(?:.* )?(input|output) \d+ (?:.* )?\\(\S+)$", re.MULTILINE)
_COMMANDS = (
    f"read_rtlil {_WHOLE}",
    "read_verilog -sv alone.sv",
    f"hierarchy -check -top {_TOP}",
    f"synth_ecp5 -noflatten -top {_TOP}",
    "flatten",
    f"write_json {NETLIST}",
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Way:
    """How units are timed.

    Attributes:
        route: place and route each unit; else only levels of logic are counted.
        part: an ECP5.
        seed: of the placement.
        timeout_s: most seconds of one tool on one unit.
        processes: how many units are on their way at once.
    """

    route: bool = True
    part: Part = find("lfe5u-85f").part
    seed: int = 1
    timeout_s: float = MODULE_TIMEOUT_S
    processes: int = 1


def time_units(
    sources: Sequence[str],
    top: str,
    way: Way,
    *,
    folder: Path,
    logs: Path,
    progress: Progress = lambda unit, done, total: None,
) -> tuple[UnitTiming, ...]:
    """Time the instances of module `top`, equal ones once, as an ECP5.

    Args:
        sources: SystemVerilog files, relative to `folder`.
        top: name of the top module.
        way: how.
        folder: where the files and the memory images that they read are found.
        logs: folder for the log of what fails.
        progress: called after each unit with its name, how many are done and how many there are.

    Returns:
        One for each distinct unit, in the order of the source.

    Raises:
        MissingExtraError: Yosys, or the router, is not installed.
        ToolError: a tool failed or took too long; names the unit and the log.
    """
    router = Ecp5().find_router() if way.route else None
    stop = Event()
    with scratch("timing") as place:
        progress(top, 0, 0)
        with _failures(logs, place, f"the hierarchy below {top}"):
            commands = elaboration(sources, top, os.path.relpath(place / _WHOLE, folder))
            yosys.run(commands, place, cwd=folder, timeout_s=way.timeout_s, stop=stop)
        whole = (place / _WHOLE).read_text(encoding="utf-8")
        groups = _groups(parse(whole))

        def time(number: int, kind: str) -> UnitTiming:
            here = make_folder(place / str(number))
            write_text(here / _WHOLE, _renamed(whole, kind))
            write_text(here / "alone.sv", wrapper(whole, kind))
            with _failures(logs, here, groups[kind][0]):
                yosys.run(_COMMANDS, here, cwd=here, timeout_s=way.timeout_s, stop=stop)
                depth, routed = depth_of(here / NETLIST, _TOP), None
                if router is not None:
                    routed = _route(router, way, here, stop)
            return _record(kind, groups[kind], depth, routed)

        found = together(
            {kind: partial(time, number, kind) for number, kind in enumerate(groups)},
            way.processes,
            stop,
            lambda kind, done, total: progress(groups[kind][0], done, total),
        )
    return tuple(found[kind] for kind in groups)


def check(board: Board, timing: str, tool: str, seed: int = 1) -> None:
    """Raise `OptionError` where units of a part cannot be timed so, or `MissingExtraError` where a tool is missing."""
    if timing not in get_args(Timing):
        raise OptionError(f"timing={timing!r}: use {' or '.join(get_args(Timing))}")
    if tool != "yosys" or board.part.family != "ecp5":
        raise OptionError(
            "timing: units are timed by Yosys and nextpnr, on the ECP5 alone; use --board ulx3s-85 or --part lfe5u-85f"
        )
    if timing == "routed":
        check_seed(seed)
        Ecp5().find_router()


def add_timing(
    build: Path,
    board: Board,
    record: Synthesis,
    *,
    routed: bool,
    seed: int = 1,
    timeout_s: float = MODULE_TIMEOUT_S,
    processes: int | None = None,
    edited: bool = False,
    progress: Progress = lambda unit, done, total: None,
) -> Synthesis:
    """Time the units of a build, and add what was found to its record.

    Args:
        build: folder that was synthesized.
        board: one that `check` lets pass.
        record: what was counted of it.
        routed: place and route each unit too.
        seed: of the placement.
        timeout_s: most seconds of one tool on one unit.
        processes: how many units are on their way at once; one per core if None.
        edited: take the build's `rtl/` and `mem/` where they are not what its network and folding generate.
        progress: called after each unit with its name, how many are done and how many there are.

    Raises:
        ToolError: a tool failed or took too long; names the unit and the log.
    """
    made = files_of(build, edited)
    way = Way(routed, board.part, seed, timeout_s, processes or os.cpu_count() or 1)
    with sources_of(made) as folder:
        found = time_units(list(made.sources), made.ports.top, way, folder=folder, logs=build / LOGS, progress=progress)
    return replace(record, timing=found)


def _groups(design: Design) -> dict[str, list[str]]:
    """Names of the top's instances by a module with parameters that does what theirs does."""
    firsts: dict[object, str] = {}
    groups: dict[str, list[str]] = {}

    def does(kind: str) -> object:
        unit = design.units[kind]
        return unit.text, tuple((name, does(inner)) for name, inner in unit.instances.items())

    for name, kind in design.units[design.top].instances.items():
        groups.setdefault(firsts.setdefault(does(kind), kind), []).append(name)
    return groups


def _renamed(whole: str, kind: str) -> str:
    """The design with module `kind` under a plain name, and without a top."""
    named = re.sub(
        rf"^(module|  cell) {re.escape(kind)}(?=[ \n])",
        lambda found: f"{found[1]} \\{_UNIT}",
        whole,
        flags=re.MULTILINE,
    )
    return named.replace("attribute \\top 1\n", "")


def wrapper(whole: str, kind: str) -> str:
    """A module around the unit: its inputs from a shift register, its outputs into one.

    Args:
        whole: RTLIL of the elaborated design.
        kind: name of the unit's module in it.
    """
    start = whole.index(f"\nmodule {kind}\n")
    end = whole.index("\nend\n", start)
    ports = [(name, int(width or 1), way) for width, way, name in _PORT.findall(whole, start, end)]
    inputs = [(name, width) for name, width, way in ports if way == "input" and name not in _CLOCKS]
    outputs = [(name, width) for name, width, way in ports if way == "output"]
    declared = [f"  reg [{width - 1}:0] {name};" for name, width in [*inputs, *outputs]]
    declared += [f"  wire [{width - 1}:0] {name}{_NEXT};" for name, width in outputs]
    wiring = [f".{name}(alone_clk)" for name, _, _ in ports if name in _CLOCKS]
    wiring += [f".{name}({name})" for name, _ in inputs] + [f".{name}({name}{_NEXT})" for name, _ in outputs]
    taken = ", ".join([name for name, _ in inputs] or ["alone_unused"])
    given = ", ".join([name for name, _ in outputs] or ["1'b0"])
    last = max(1, sum(width for _, width in outputs)) - 1
    lines = "\n".join(declared)
    return f"""\
module {_TOP} (input alone_clk, input alone_in, output alone_out);
{lines}
  reg alone_unused;
  reg [{last}:0] alone_folded;
  always @(posedge alone_clk) begin
    {{{taken}}} <= {{{taken}, alone_in}};
{"".join(f"    {name} <= {name}{_NEXT};{chr(10)}" for name, _ in outputs)}\
    alone_folded <= {{{given}}} ^ (alone_folded << 1);
  end
  assign alone_out = alone_folded[{last}];
  {_UNIT} {_INSTANCE} ({", ".join(wiring)});
endmodule
"""


def _route(router: child.Tool, way: Way, here: Path, stop: Event) -> RoutedPath:
    arguments = [
        *device(way.part), "--out-of-context", "--freq", str(TARGET_MHZ),
        "--seed", str(way.seed), "--json", NETLIST, "--report", REPORT, "--timing-allow-fail",
    ]  # fmt: skip
    child.run(
        router,
        arguments,
        folder=here,
        log=here / NEXTPNR_LOG,
        timeout_s=way.timeout_s,
        stop=stop,
        more_time="--timeout",
    )
    *_, path = read_report(here / REPORT, Ecp5(), None)
    if path is None:
        raise child.ChildFailedError("its report lists no path from a register to a register")
    return path


def _record(kind: str, names: Sequence[str], depth: Depth, routed: RoutedPath | None) -> UnitTiming:
    if routed is not None:
        through = tuple(map(_inner, routed.through))
        routed = replace(routed, begin=_inner(routed.begin), end=_inner(routed.end), through=through)
    return UnitTiming(
        names=tuple(names),
        module=library_name(kind),
        levels=depth.levels,
        begin=_inner(depth.begin),
        end=_inner(depth.end),
        through=tuple(map(_inner, depth.through)),
        routed=routed,
    )


def _inner(name: str) -> str:
    """A signal as the unit's source calls it; a port's name is that of the register in front of it or behind it."""
    return name.removeprefix(f"{_INSTANCE}.").replace(_NEXT, "")


@contextmanager
def _failures(logs: Path, here: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (child.ChildFailedError, ToolError) as error:
        kept = logs / "timing.log"
        log = here / NEXTPNR_LOG if (here / NEXTPNR_LOG).exists() else here / yosys.LOG
        write_bytes(kept, log.read_bytes() if log.exists() else b"")
        raise ToolError(f"timing of {what} failed: {error}; the log is {kept}") from None
