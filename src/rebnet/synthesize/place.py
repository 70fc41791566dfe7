"""Place and route: shell and accelerator on a board, to the clock that they reach and a bitstream.

    Yosys         shell, device, accelerator      -> a netlist of the part's cells, its hierarchy kept
    nextpnr       netlist, pins, wanted clock     -> a routed configuration, fmax, utilisation
    clock         what fmax and the wish allow; where there is a PLL it is written into the configuration
    packer        configuration                   -> the bitstream

Which tools these are and how they are asked is the family's: `rebnet.synthesize.flows`.
All of it happens in a folder beside the result, which then takes its place: `device/` in the build is whole or the old
one. Where a tool fails its log stays, as `place-and-route.log`.
"""

import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from rebnet.boards import Board, Resources
from rebnet.boards.shells import placement_of
from rebnet.choices import PLACE_TIMEOUT_S
from rebnet.errors import FileFormatError, OptionError, ToolError
from rebnet.files import file_hash, write_bytes, write_record, write_text
from rebnet.generate.rtl import Generated
from rebnet.records import Synthesis, read, synthesis
from rebnet.rtl.ports import PORTS_FILE
from rebnet.swap import put, scratch, workplace
from rebnet.synthesize import SYNTHESIS_FILE, child, files_of, yosys
from rebnet.synthesize.flows import flow_of
from rebnet.synthesize.flows.names import NEXTPNR_LOG, PACK_LOG, REPORT
from rebnet.synthesize.flows.report import read_report

FOLDER = "device"
LOG = "place-and-route.log"
_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%$", re.MULTILINE)
_STAGES = (
    (re.compile(r"^Info: Packing"), "packing"),
    (re.compile(r"^Info:\s+at iteration #(\d+), type ALL"), "placing, iteration {}"),
    (re.compile(r"^Info:\s+at iteration #(\d+): temp"), "refining the placement, iteration {}"),
    (re.compile(r"^Info:\s+(?:\d+ \|\s+\d+\s+\d+ \|\s+\d+\s+\d+ \|)\s+(\d+)\|"), "routing, {} arcs to go"),
)


@dataclass(frozen=True)
class Placed:
    """A device on a board.

    Attributes:
        fmax_mhz: fastest clock of shell and accelerator, MHz, as place and route gave it.
        clock_mhz: the accelerator's clock in the bitstream, MHz; meets timing.
        used: what shell and accelerator take.
        available: what the part has.
        bitstream: name of the bitstream's file.
        bitstream_bytes: its size, bytes.
        facts: what the shell adds, by key.
        seconds: wall time of each tool.
        tools: what ran.
        longest_path: what sets `fmax_mhz`, where the report lists it.
    """

    fmax_mhz: float
    clock_mhz: float
    used: Resources
    available: Resources
    bitstream: str
    bitstream_bytes: int
    facts: Mapping[str, int]
    seconds: Mapping[str, float]
    tools: tuple[str, ...]
    longest_path: synthesis.RoutedPath | None = None

    def as_record(self, target_mhz: float, seed: int) -> synthesis.Placed:
        """What synthesis.json says of it, under `place_and_route`."""
        return synthesis.Placed(
            tools=self.tools,
            seed=seed,
            target_mhz=target_mhz,
            fmax_mhz=self.fmax_mhz,
            clock_mhz=round(self.clock_mhz, 4),
            **self.facts,
            used=self.used.as_record(),
            available=self.available.as_record(),
            bitstream=f"{FOLDER}/{self.bitstream}",
            bitstream_bytes=self.bitstream_bytes,
            seconds={name: round(seconds, 1) for name, seconds in self.seconds.items()},
            longest_path=self.longest_path,
        )


def place_and_route(
    build: Path,
    board: Board,
    *,
    target_mhz: float | None = None,
    seed: int = 1,
    scores: bool = True,
    timeout_s: float = PLACE_TIMEOUT_S,
    edited: bool = False,
    say: child.Say = lambda stage: None,
) -> Synthesis:
    """Put the accelerator in `build` into the board's shell, place and route it, and write `device/`.

    Returns the record of synthesis.json, to which it has added `fmax_mhz` and `place_and_route`.

    Args:
        build: folder that `generate` has filled.
        board: one that has a shell.
        target_mhz: clock to aim at, and the fastest that the bitstream gets; the board's if None.
        seed: of the placement.
        scores: whether answers hold the scores, or the label alone.
        timeout_s: most seconds that one tool may take.
        edited: take the build's `rtl/` and `mem/` where they are not what its network and folding generate.
        say: called with the name of each stage.

    Raises:
        FileFormatError: the build is damaged, or was not synthesized for the board.
        OptionError: the board has no shell or is too small, or a clock, seed or time cannot be.
        MissingExtraError: a tool is not installed.
        ToolError: a tool failed; the message says where the log is.
    """
    check(board, target_mhz=target_mhz, seed=seed, timeout_s=timeout_s)
    shell, flow = placement_of(board), flow_of(board)
    target = flow.target(shell, board, target_mhz)
    router, packer = flow.find_router(), flow.find_packer()
    tools = [yosys.version(), router.version, packer.version]
    made = files_of(build, edited)
    record = _read_synthesis(build, board)
    (build / LOG).unlink(missing_ok=True)
    seconds: dict[str, float] = {}
    with workplace(build, FOLDER) as kept, scratch("device") as work:  # Yosys' ABC takes no blank or quote in its path
        around = shell.sources(made.ports, scores=scores)
        sources = _gather(made, around, shell.pins, work)
        with _failures(build, work / yosys.LOG, f"synthesis for {board.name}"), _timed(seconds, "synthesis"):
            say("synthesizing shell and accelerator")
            yosys.run(flow.commands(sources, shell, board, target), work, cwd=work, timeout_s=timeout_s, stop=Event())
        name = f"place and route of {made.ports.top} on {board.name} ({board.part.name})"
        with _failures(build, work / NEXTPNR_LOG, name), _timed(seconds, "place_and_route"):
            say("placing")
            arguments = flow.arguments(shell, board, seed, target)
            child.run(
                router, arguments, folder=work, log=work / NEXTPNR_LOG, timeout_s=timeout_s, follow=_stage, say=say
            )
        fmax, used, available, path = read_report(work / REPORT, flow, shell.clock_net)
        reached = flow.settle(work, shell, target, fmax)
        with _failures(build, work / PACK_LOG, f"packing the bitstream for {board.name}"), _timed(seconds, "pack"):
            say("packing the bitstream")
            flow.pack(packer, shell, board, work)
        size = (work / flow.bitstream).stat().st_size
        _keep(build, kept, work, [REPORT, NEXTPNR_LOG, flow.bitstream, shell.pins.name, *around])
    facts = shell.facts(reached)
    placed = Placed(fmax, reached, used, available, flow.bitstream, size, facts, seconds, tuple(tools), path)
    record = replace(record, fmax_mhz=fmax, place_and_route=placed.as_record(target, seed))
    write_record(build / SYNTHESIS_FILE, record)
    return record


def check(board: Board, *, target_mhz: float | None = None, seed: int = 1, timeout_s: float = PLACE_TIMEOUT_S) -> None:
    """Raise what `place_and_route` would for these options or a missing tool; it takes no time."""
    flow = flow_of(board)
    flow.target(placement_of(board), board, target_mhz)
    check_seed(seed)
    if not timeout_s > 0:
        raise OptionError(f"place-timeout={timeout_s:g}: a tool needs some time; use more than 0 seconds")
    flow.find_router()
    flow.find_packer()
    yosys.version()


def check_seed(seed: int) -> None:
    """Raise `OptionError` for a seed that nextpnr does not take."""
    if not 0 <= seed < 1 << 31:
        raise OptionError(f"seed={seed}: must be 0 to {(1 << 31) - 1}")


def _read_synthesis(build: Path, board: Board) -> Synthesis:
    """The record of the count that must go before; a part that is too small is refused by it."""
    path = build / SYNTHESIS_FILE
    record = read(path, Synthesis, needs=("board", "fits", "shortages", "boards_that_fit", "inputs"))
    if record.board != board.name or record.made_from.get("ports") != file_hash(build / PORTS_FILE):
        raise FileFormatError(
            f"{path}: is of board {record.board!r} or of an earlier build; run 'rebnet synthesize {build} "
            f"--board {board.name}' first"
        )
    if not record.fits:
        lacks = ", ".join(f"{lack.needed} {lack.resource} of {lack.available}" for lack in record.shortages or ())
        others = ", ".join(record.boards_that_fit or ()) or "none that rebnet knows"
        raise OptionError(
            f"board {board.name!r} ({board.part.name}) is too small: the accelerator takes {lacks}; fold it less, or "
            f"use a board where it fits: {others}"
        )
    return record


def _gather(made: Generated, around: Mapping[str, str], pins: Path, work: Path) -> list[str]:
    """Write all that the tools read into `work`, where they run, and return the names of the SystemVerilog files.

    Names without a folder: the tools in WebAssembly do not see every folder, and memory images are found by name.
    """
    sources = {Path(file).name: text for file, text in made.sources.items()}
    sources |= around
    for name, text in (sources | made.memories).items():
        write_text(work / name, text)
    shutil.copyfile(pins, work / pins.name)
    return list(sources)


def _stage(line: str) -> str | None:
    """What a line of nextpnr's log says of where it is."""
    for pattern, stage in _STAGES:
        found = pattern.match(line)
        if found:
            return stage.format(*found.groups())
    return None


@contextmanager
def _failures(build: Path, log: Path, what: str) -> Iterator[None]:
    """Turn the end of a tool into a `ToolError`; its log stays in the build."""
    try:
        yield
    except child.ChildFailedError as error:
        kept = build / LOG
        text = log.read_bytes() if log.is_file() else b""
        write_bytes(kept, text)
        reason = _shortage(text.decode(errors="replace")) or str(error)
        raise ToolError(f"{what} failed: {reason}; the log is {kept}") from None


def _shortage(log: str) -> str | None:
    """What the part has too little of, from nextpnr's table."""
    short = [(name, int(used), int(there)) for name, used, there in _USED.findall(log) if int(used) > int(there)]
    if not short:
        return None
    listed = ", ".join(f"{used} {name} where there are {there}" for name, used, there in short)
    return f"the part is too small, it takes {listed}; choose a larger board or a smaller folding"


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[name] = time.monotonic() - start


def _keep(build: Path, kept: Path, work: Path, names: Iterable[str]) -> None:
    """Put what is worth keeping in the place of the build's `device/`, by way of a workplace beside it."""
    fresh = kept / FOLDER
    fresh.mkdir()
    for name in names:
        shutil.copyfile(work / name, fresh / name)
    put([fresh], build)
