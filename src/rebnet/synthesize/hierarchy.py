"""A hierarchy of SystemVerilog synthesized module by module; what each module and each instance takes.

Every module with its parameters is synthesized once, however often it is there, with its submodules as black
boxes: 32 equal processing elements are one run of Yosys. Sums over the tree of instances are the design's.
"""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event

from rebnet.boards import Family
from rebnet.choices import MODULE_TIMEOUT_S
from rebnet.errors import OptionError, ToolError
from rebnet.files import make_folder, write_bytes
from rebnet.plain import NAME
from rebnet.records.synthesis import CountedUnit
from rebnet.swap import scratch
from rebnet.synthesize import cache, child, yosys
from rebnet.synthesize.count import memory_luts, resources
from rebnet.synthesize.rtlil import Design, Unit, parse
from rebnet.synthesize.together import together
from rebnet.synthesize.usage import Netlist, Result, Usage, instances

LOGS = "synthesis"
_MOST_NAME = 200

COMMANDS: dict[Family, str] = {
    "xc7": "synth_xilinx -family xc7 -noiopad -noclkbuf",
    "xcup": "synth_xilinx -family xcup -noiopad -noclkbuf",
    "ecp5": "synth_lattice -family ecp5 -noflatten",
    "gowin": "synth_gowin -noiopads -noflatten",
    "ice40": "synth_ice40 -device u -dsp -noflatten",
}
STATISTICS: dict[Family, str] = {
    "xc7": "stat -json -tech xilinx",
    "xcup": "stat -json -tech xilinx",
    "ecp5": "stat -json",
    "gowin": "stat -json",
    "ice40": "stat -json",
}
_NETLIST, _RESULT = "unit.il", "statistics.json"

Progress = Callable[[str, int, int], None]


def synthesize_rtl(
    sources: Sequence[str],
    top: str,
    family: Family,
    *,
    folder: Path,
    parameters: Mapping[str, int | str] | None = None,
    logs: Path | None = None,
    cache_dir: Path | None = None,
    timeout_s: float = MODULE_TIMEOUT_S,
    processes: int = 1,
    progress: Progress = lambda module, done, total: None,
) -> Netlist:
    """Synthesize module `top` of `sources` and all that is below it.

    Args:
        sources: SystemVerilog files, relative to `folder`.
        top: name of the top module.
        family: of the device.
        folder: where the files and the memory images that they read are found.
        parameters: of the top module, as numbers or texts; the others keep their defaults.
        logs: folder for the logs; None takes `synthesis` in `folder`.
        cache_dir: where results are kept; None takes the user's cache.
        timeout_s: most seconds for one module.
        processes: how many modules are synthesized at once.
        progress: called after each module with its name, how many are done and how many there are.

    Raises:
        MissingExtraError: Yosys is not installed.
        OutputError: the cache cannot be written.
        ToolError: Yosys failed, was killed or took too long; names the module and the log.
    """
    tool = yosys.version()
    kept = cache_dir or cache.default_folder()
    with scratch("synthesize") as place:
        job = _Job(family, tool, kept, place, folder, logs or folder / LOGS, timeout_s)
        progress(top, 0, 0)
        design = job.elaborate(sources, top, parameters or {})
        names = _names(design.units, design.top, top)
        results = job.synthesize(design, names, processes, progress)
        job.put_logs()
    return Netlist(instances(design.units, design.top, results), tool, job.synthesized, job.cached)


def _names(design: Mapping[str, Unit], kind: str, name: str) -> dict[str, str]:
    """Every module with its parameters below `kind` and the path of its first instance, `layer_1.pe[0].element`."""
    names = {kind: name}
    waiting = [(kind, "")]
    while waiting:
        at, path = waiting.pop(0)
        for instance, inner in design[at].instances.items():
            if inner not in names:
                names[inner] = f"{path}{instance}"
                waiting.append((inner, f"{path}{instance}."))
    return names


@dataclass(frozen=True)
class _Task:
    """A module on its way through Yosys.

    Attributes:
        module: its name in the library.
        name: path of its first instance.
        text: RTLIL.
        commands: what synthesizes it, and last what counts its cells.
        key: hash of all that the result depends on.
    """

    module: str
    name: str
    text: str
    commands: tuple[str, ...]
    key: str


class _Job:
    """One hierarchy on its way through Yosys.

    Attributes:
        synthesized: modules that Yosys was run on.
        cached: modules whose result was there already.
    """

    def __init__(
        self, family: Family, tool: str, kept: Path, place: Path, folder: Path, logs: Path, timeout_s: float
    ) -> None:
        self._family, self._tool, self._kept = family, tool, kept
        self._place, self._folder, self._timeout_s = place, folder, timeout_s
        self._logs_folder = logs
        self._logs: dict[str, Path] = {}
        self._numbers = count()
        self._stop = Event()
        self.synthesized = 0
        self.cached = 0

    def elaborate(self, sources: Sequence[str], top: str, parameters: Mapping[str, int | str]) -> Design:
        """Read the sources and give every instance its module with parameters."""
        here = self._work()
        commands = elaboration(sources, top, os.path.relpath(here / _NETLIST, self._folder), parameters)
        self._run(commands, here, self._folder, f"the hierarchy below {top}", "elaboration")
        return parse((here / _NETLIST).read_text(encoding="utf-8"))

    def synthesize(
        self, design: Design, names: Mapping[str, str], processes: int, progress: Progress
    ) -> dict[str, Result]:
        """Results of the modules in `names`; equal ones are synthesized once."""
        tasks = {kind: self._task(design.units[kind], name) for kind, name in names.items()}
        distinct = {task.key: task for task in reversed(tasks.values())}
        records = together(
            {key: partial(self._record, task) for key, task in reversed(distinct.items())},
            processes,
            self._stop,
            lambda key, done, total: progress(distinct[key].name, done, total),
        )
        self.cached = len(distinct) - self.synthesized
        return {kind: self._result(design.units[kind], task, records[task.key]) for kind, task in tasks.items()}

    def _task(self, unit: Unit, name: str) -> _Task:
        text = unit.text
        if NAME.fullmatch(unit.module) is None:
            raise ToolError(
                f"module {unit.module!r} ({name}): its name goes into the script of the synthesizer; use letters, "
                "digits and '_'"
            )
        if self._family == "ice40":  # it has no LUT RAM: leave the choice to Yosys
            text = text.replace('_style "distributed"', '_style "auto"')
        commands = (*_commands(self._family, unit.module, text), STATISTICS[self._family])
        return _Task(unit.module, name, text, commands, cache.key(text, commands, self._tool))

    def _record(self, task: _Task) -> CountedUnit:
        """What Yosys counted, now or in an earlier run."""
        record = cache.find(self._kept, task.key)
        if record is None:
            record = self._run_task(task)
            cache.keep(self._kept, task.key, record)
        return record

    def _run_task(self, task: _Task) -> CountedUnit:
        here = self._work()
        (here / _NETLIST).write_text(task.text, encoding="utf-8")
        *synthesis, statistics = task.commands
        script = (f"read_rtlil {_NETLIST}", *synthesis, f"tee -q -o {_RESULT} {statistics}")
        self._run(script, here, here, f"{task.module} ({task.name})", task.name)
        self.synthesized += 1
        found = json.loads((here / _RESULT).read_text(encoding="utf-8"))["modules"][f"\\{task.module}"]
        (here / _NETLIST).unlink()
        cells = {cell.removeprefix("\\"): number for cell, number in found["num_cells_by_type"].items()}
        return CountedUnit(module=task.module, cells=cells, logic_cells=found.get("estimated_num_lc"))

    def _result(self, unit: Unit, task: _Task, record: CountedUnit) -> Result:
        inside = {unit.kinds[cell]: number for cell, number in record.cells.items() if cell in unit.kinds}
        own = {cell: number for cell, number in record.cells.items() if cell not in unit.kinds}
        try:
            takes, memory = resources(own, self._family), memory_luts(own, self._family)
        except KeyError as error:
            raise ToolError(
                f"{self._tool} left cells of kind {error.args[0]} in {task.module} ({task.name}), which no rule "
                "counts; check that its memory styles suit the family"
            ) from None
        estimate = record.logic_cells
        return Result(Usage(takes, None if estimate is None else estimate + memory), inside)

    def _work(self) -> Path:
        """A new folder for one run of Yosys."""
        return make_folder(self._place / str(next(self._numbers)))

    def _run(self, commands: Sequence[str], here: Path, cwd: Path, what: str, name: str) -> None:
        log = here / yosys.LOG
        try:
            yosys.run(commands, here, cwd=cwd, timeout_s=self._timeout_s, stop=self._stop)
        except child.ChildFailedError as error:
            place = self._logs_folder / _log_name(name)
            if not self._stop.is_set():
                write_bytes(place, log.read_bytes())
            raise ToolError(f"{self._tool} failed on {what}: {error}; its log is {place}") from None
        self._logs[name] = log

    def put_logs(self) -> None:
        """Copy the logs to where the user finds them."""
        for name, log in self._logs.items():
            write_bytes(self._logs_folder / _log_name(name), log.read_bytes())


def _commands(family: Family, module: str, text: str) -> tuple[str, ...]:
    """What synthesizes a module; without memories the steps for them are left out, a third of a small module's time."""
    command = f"{COMMANDS[family]} -top {module}"
    if family not in ("xc7", "xcup") or re.search(r"^  memory ", text, re.MULTILINE):
        return (command,)
    return f"{command} -run begin:map_memory", f"{command} -run map_ffram:"


def _log_name(name: str) -> str:
    """The name of an instance's log; an edited source may call an instance anything."""
    plain = re.sub(r"[^A-Za-z0-9_.\[\]]", "_", name).lstrip(".")
    return f"{plain[:_MOST_NAME]}.log"


def _value(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def elaboration(
    sources: Sequence[str], top: str, output: str, parameters: Mapping[str, int | str] | None = None
) -> tuple[str, ...]:
    """Yosys' commands that read sources, give every instance its module with parameters, and write RTLIL.

    Args:
        sources: SystemVerilog files.
        top: name of the top module.
        output: file of the RTLIL.
        parameters: of the top module, as numbers or texts; the others keep their defaults.

    Raises:
        OptionError: a file has a name that Yosys cannot read.
    """
    chosen = "".join(f" -set {name} {_value(value)}" for name, value in (parameters or {}).items())
    return (
        f"read_verilog -sv -defer {' '.join(map(_quote, sources))}",
        *([f"chparam{chosen} $abstract\\{top}"] if chosen else []),
        f"hierarchy -check -top {top}",
        f"write_rtlil {_quote(output)}",
    )


def _quote(path: str) -> str:
    if not {'"', "\n", "\r"}.isdisjoint(path):
        raise OptionError(f"{path!r}: Yosys cannot read a name with a quote or a line break; rename it")
    return f'"{path}"'
