"""Vivado: an out-of-context project of the accelerator, run where Vivado is installed and left to be run where not.

    vivado/   accelerator.tcl      what to do: synthesize, place, route, report; no project file
              clock.xdc            the clock, and nothing else: out of context there are no pins
              files.f              the sources in order, for other tools
              *.sv, mem/           the accelerator
              utilization.rpt, timing.rpt, routed.dcp, vivado.log      what a run leaves

Formats of the reports: AMD UG906 (design analysis), `report_utilization -hierarchical`, `report_timing_summary`.
"""

import re
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rebnet.boards import Board, Resources
from rebnet.errors import FileFormatError, OptionError, OutputError, ToolError
from rebnet.files import file_hash, write_bytes, write_record, write_text
from rebnet.generate.rtl import Generated
from rebnet.records import Synthesis
from rebnet.records.kinds import Module
from rebnet.records.request import Request
from rebnet.records.synthesis import VivadoProject, VivadoSynthesis
from rebnet.rtl.ports import PORTS_FILE
from rebnet.swap import put, workplace
from rebnet.synthesize import SYNTHESIS_FILE, child, files_of, shortages_of
from rebnet.synthesize.limit import limit_record

FOLDER = "vivado"
LOG, CONSOLE = "vivado-failed.log", "console.log"
TIMEOUT_S = 6 * 3600.0
_SCRIPT, _CLOCK, _FILES, _UTILIZATION, _TIMING = (
    "accelerator.tcl",
    "clock.xdc",
    "files.f",
    "utilization.rpt",
    "timing.rpt",
)
_FAMILIES = ("xc7", "xcup")
_COLUMNS = {"Total LUTs": "lut", "FFs": "ff", "RAMB36": "bram_36k", "RAMB18": "bram_18k"}
_DSP = ("DSP Blocks", "DSP48 Blocks", "DSPs")
_VERSION = re.compile(r"Tool Version\s*:\s*Vivado v\.?(\S+)")
_WNS = re.compile(r"^\s*WNS\(ns\)\s.*\n\s*-[-\s]*\n\s*(-?\d+\.\d+|inf|NA)", re.MULTILINE)
_ERROR = re.compile(r"^ERROR: (.*)$", re.MULTILINE)

_TCL = """\
# Out-of-context implementation of {top} for {order_code}. Made by rebnet; run it here:
#   vivado -mode batch -source {script}
read_verilog -sv {{{sources}}}
read_xdc -mode out_of_context {clock}
synth_design -top {top} -part {order_code} -mode out_of_context -flatten_hierarchy rebuilt
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -hierarchical_depth 2 -file {utilization}
report_timing_summary -delay_type max -max_paths 10 -file {timing}
write_checkpoint -force routed.dcp
"""


def synthesize_with_vivado(
    build: Path,
    board: Board,
    *,
    timeout_s: float = TIMEOUT_S,
    edited: bool = False,
    say: child.Say = lambda stage: None,
    request: Request | None = None,
) -> VivadoSynthesis | VivadoProject:
    """Write the project; where `vivado` is on PATH run it, and write synthesis.json from its reports.

    Args:
        build: folder that `generate` has filled.
        board: a board or a part of AMD's.
        timeout_s: most seconds that Vivado may take.
        edited: take the build's `rtl/` and `mem/` where they are not what its network and folding generate.
        say: called with the name of each stage.
        request: what the caller was asked for; the record keeps it.

    Returns:
        The record of synthesis.json, `project`, the folder, and `ran`, True. Without Vivado `project`, `ran`, False,
        and `command`, which runs it.

    Raises:
        OptionError: the part is none of AMD's.
        ToolError: Vivado failed; the message says where its log is.
        FileFormatError: the build is damaged, or a report is not as expected.
    """
    if board.part.family not in _FAMILIES:
        raise OptionError(f"{board.name!r} ({board.part.name}) is none of AMD's, and Vivado knows no others; use yosys")
    made = files_of(build, edited)
    found = shutil.which("vivado")
    _nothing_in_the_way(build / FOLDER)
    with workplace(build, FOLDER) as place:
        work = place / FOLDER
        say("writing Vivado's project")
        write_project(work, board, made)
        if found is None:
            put([work], build)
            command = f"cd {shlex.quote(str(build / FOLDER))} && vivado -mode batch -source {_SCRIPT}"
            return VivadoProject(project=str(build / FOLDER), command=command)
        say("running Vivado")
        start = time.monotonic()
        _run(found, build, work, board, timeout_s, say)
        record = _record(work, board, made.ports.top)
        record = replace(
            record,
            limit=limit_record(build, board.part, Resources.from_record(record.total)),
            seconds=round(time.monotonic() - start, 1),
            edited=bool(made.edited) or None,
            inputs={"ports": file_hash(build / PORTS_FILE)},
            request=request,
        )
        put([work], build)
    write_record(build / SYNTHESIS_FILE, record)
    return VivadoSynthesis(**vars(record), project=str(build / FOLDER))


def write_project(folder: Path, board: Board, made: Generated) -> None:
    """Write all that Vivado reads to `folder`: memory images are found from where it runs and from the sources."""
    ports = made.ports
    sources = [Path(file).name for file in made.sources]
    for name, text in zip(sources, made.sources.values(), strict=True):
        write_text(folder / name, text)
    for file, text in made.memories.items():
        write_text(folder / file, text)
    write_text(folder / _FILES, "".join(f"{name}\n" for name in sources))
    write_text(
        folder / _CLOCK,
        f"create_clock -name {ports.clock} -period {period_ns(board):.3f} [get_ports {ports.clock}]\n",
    )
    text = _TCL.format(
        top=ports.top,
        order_code=board.part.order_code,
        script=_SCRIPT,
        sources=" ".join(sources),
        clock=_CLOCK,
        utilization=_UTILIZATION,
        timing=_TIMING,
    )
    write_text(folder / _SCRIPT, text)


def period_ns(board: Board) -> float:
    """The board's clock as the constraint has it, ns to the picosecond."""
    return round(1000 / board.clock_mhz, 3)


def run_script(
    vivado: str,
    script: str,
    folder: Path,
    *,
    timeout_s: float,
    say: child.Say,
    follow: Callable[[str], str | None] = lambda line: None,
) -> None:
    """Run a script in Vivado; what it prints goes to `CONSOLE` in the folder.

    Args:
        vivado: the program.
        script: file in the folder.
        folder: where it runs.
        timeout_s: most seconds that it may take.
        say: called with what `follow` says, when that changes.
        follow: what a line that it prints tells of the progress, or None.

    Raises:
        ChildFailedError: it reported an error, was killed, or took too long.
    """
    arguments = ["-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", script]
    tool = child.Tool("vivado", (vivado,), "Vivado")
    log = folder / CONSOLE
    child.run(tool, arguments, folder=folder, log=log, timeout_s=timeout_s, follow=follow, say=say, error=_ERROR)


def _run(vivado: str, build: Path, work: Path, board: Board, timeout_s: float, say: child.Say) -> None:
    (build / LOG).unlink(missing_ok=True)
    try:
        run_script(vivado, _SCRIPT, work, timeout_s=timeout_s, say=say, follow=_stage)
    except child.ChildFailedError as error:
        write_bytes(build / LOG, (work / CONSOLE).read_bytes())
        raise ToolError(f"vivado failed on {board.part.order_code}: {error}; the log is {build / LOG}") from None


def _stage(line: str) -> str | None:
    """Vivado echoes the commands of a script as comments do."""
    found = re.match(r"^(?:# |Command: )(\w+_design)\b", line)
    return found[1].replace("_", " ") if found else None


def _record(work: Path, board: Board, top: str) -> Synthesis:
    text = _read(work / _UTILIZATION)
    version = _VERSION.search(text)
    rows = read_utilization(text)
    total = next((used for name, _, used in rows if name == top), None)
    if total is None:
        raise FileFormatError(f"{_UTILIZATION}: no row of {top!r}; run another version of Vivado")
    part = board.part
    return Synthesis(
        part=part.name,
        board=board.name,
        family=part.family,
        tool=f"Vivado {version[1]}" if version else "Vivado",
        modules=tuple(
            Module(name=name, module=module, **vars(used.as_record())) for name, module, used in rows if name != top
        ),
        total=total.as_record(),
        device=part.device.as_record(),
        utilisation={name: round(100 * used / has, 2) for name, (used, has) in part.usage(total).items()},
        fits=part.fits(total),
        shortages=shortages_of(part, total),
        fmax_mhz=read_fmax(_read(work / _TIMING), period_ns(board)),
        target_mhz=board.clock_mhz,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise FileFormatError(f"{path.name}: Vivado ended without writing it; see vivado.log in its project") from None


def read_utilization(text: str) -> list[tuple[str, str, Resources]]:
    """Rows (instance, module, what it takes) of `report_utilization -hierarchical`; what is inside is counted.

    Raises:
        FileFormatError: there is no such table.
    """
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    header = next((row for row in rows if row[:2] == ["Instance", "Module"]), None)
    dsp = next((name for name in _DSP if header and name in header), None)
    if header is None or dsp is None or not set(_COLUMNS) <= set(header):
        raise FileFormatError(f"{_UTILIZATION}: no table of instances with {', '.join((*_COLUMNS, _DSP[0]))}")
    places = {header.index(name): field for name, field in {**_COLUMNS, dsp: "dsp"}.items()}
    found = []
    for row in rows[rows.index(header) + 1 :]:
        if len(row) != len(header):
            break
        found.append((row[0], row[1], Resources(**{field: int(row[place]) for place, field in places.items()})))
    return found


def read_fmax(text: str, period: float) -> float:
    """The fastest clock in MHz, to the kHz and not above, from `report_timing_summary` and the period in ns.

    Raises:
        FileFormatError: there is no slack in it.
    """
    found = _WNS.search(text)
    if found is None or not found[1].lstrip("-")[0].isdigit():
        raise FileFormatError(f"{_TIMING}: no worst negative slack, WNS(ns), in the design timing summary")
    return int(1e6 / (period - float(found[1]))) / 1000


def _nothing_in_the_way(place: Path) -> None:
    if place.is_file() and not place.is_symlink():
        raise OutputError(f"{place}: a file stands where a folder is needed; move it away")
