"""A hierarchy of SystemVerilog synthesized module by module; what each module and each instance takes.

Every module with its parameters is synthesized once, however often it is there, with its submodules as black
boxes: 32 equal processing elements are one run of Yosys. Sums over the tree of instances are the design's.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rebnet.boards import Family
from rebnet.errors import ToolError
from rebnet.files import make_folder, output_errors, write_bytes
from rebnet.synthesize import cache, yosys
from rebnet.synthesize.count import resources
from rebnet.synthesize.rtlil import Design, Unit, parse
from rebnet.synthesize.usage import Netlist, Result, Usage, instances

LOGS = "synthesis"
DEFAULT_TIMEOUT_S = 3600.0

_COMMANDS: dict[Family, str] = {
    "xc7": "synth_xilinx -family xc7 -noiopad -noclkbuf",
    "xcup": "synth_xilinx -family xcup -noiopad -noclkbuf",
    "ecp5": "synth_lattice -family ecp5 -noflatten",
    "ice40": "synth_ice40 -device u -dsp -noflatten",
}
_STATISTICS: dict[Family, str] = {
    "xc7": "stat -json -tech xilinx",
    "xcup": "stat -json -tech xilinx",
    "ecp5": "stat -json",
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
    cache_dir: Path | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    progress: Progress = lambda module, done, total: None,
) -> Netlist:
    """Synthesize module `top` of `sources` and all that is below it.

    Args:
        sources: SystemVerilog files, relative to `folder`.
        top: name of the top module.
        family: of the device.
        folder: where the files and the memory images that they read are found; logs go to its folder `synthesis`.
        parameters: of the top module; the others keep their defaults.
        cache_dir: where results are kept; None takes the user's cache.
        timeout_s: most seconds for one module.
        progress: called before each module with its name, how many are done and how many there are.

    Raises:
        MissingExtraError: Yosys is not installed.
        OutputError: the cache cannot be written.
        ToolError: Yosys failed, was killed or took too long; names the module and the log.
    """
    tool = yosys.version()
    kept = cache_dir or cache.default_folder()
    with tempfile.TemporaryDirectory(prefix="rebnet-synthesize-") as place:
        job = _Job(family, tool, kept, Path(place), folder, timeout_s)
        progress(top, 0, 0)
        design = job.elaborate(sources, top, parameters or {})
        names = _names(design.units, design.top, top)
        results = {}
        for done, (kind, name) in enumerate(names.items()):
            progress(name, done, len(names))
            results[kind] = job.synthesize(design.units[kind], name)
        progress(top, len(names), len(names))
        job.put_logs()
    return Netlist(instances(design.units, design.top, results), tool, len(job.ran), len(names) - len(job.ran))


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


class _Job:
    """One hierarchy on its way through Yosys.

    Attributes:
        ran: names of the modules that were not in the cache, in order.
    """

    def __init__(self, family: Family, tool: str, kept: Path, place: Path, folder: Path, timeout_s: float) -> None:
        self._family, self._tool, self._kept = family, tool, kept
        self._place, self._folder, self._timeout_s = place, folder, timeout_s
        self._logs: list[tuple[str, Path]] = []
        self.ran: list[str] = []

    def elaborate(self, sources: Sequence[str], top: str, parameters: Mapping[str, int | str]) -> Design:
        """Read the sources and give every instance its module with parameters."""
        here = self._work(top)
        chosen = "".join(f" -chparam {name} {_value(value)}" for name, value in parameters.items())
        commands = (
            f"read_verilog -sv -defer {' '.join(map(_quote, sources))}",
            f"hierarchy -check -top {top}{chosen}",
            f"write_rtlil {here / _NETLIST}",
        )
        self._run(commands, here, f"the hierarchy below {top}", "elaboration")
        return parse((here / _NETLIST).read_text(encoding="utf-8"))

    def synthesize(self, unit: Unit, name: str) -> Result:
        """The result of a module, from the cache or from Yosys."""
        text = unit.text
        if self._family == "ice40":  # it has no LUT RAM: leave the choice to Yosys
            text = text.replace('_style "distributed"', '_style "auto"')
        commands = f"{_COMMANDS[self._family]} -top {unit.module}", _STATISTICS[self._family]
        key = cache.key(text, commands, self._tool)
        record = cache.find(self._kept, key)
        if record is None:
            record = self._synthesize(unit.module, text, commands, name)
            cache.keep(self._kept, key, record)
        cells: dict[str, int] = record["cells"]
        inside = {unit.kinds[cell]: number for cell, number in cells.items() if cell in unit.kinds}
        own = {cell: number for cell, number in cells.items() if cell not in unit.kinds}
        try:
            return Result(Usage(resources(own, self._family), record["logic_cells"]), inside)
        except KeyError as error:
            raise ToolError(
                f"{self._tool} left cells of kind {error.args[0]} in {unit.module} ({name}), which no rule counts; "
                "check that the memory styles and the family suit each other"
            ) from None

    def _synthesize(self, module: str, text: str, commands: tuple[str, str], name: str) -> dict[str, Any]:
        here = self._work(name)
        netlist, result = here / _NETLIST, here / _RESULT
        netlist.write_text(text, encoding="utf-8")
        synthesis, statistics = commands
        script = (f"read_rtlil {netlist}", synthesis, f"tee -q -o {result} {statistics}")
        self._run(script, here, f"{module} ({name})", name)
        self.ran.append(name)
        found = json.loads(result.read_text(encoding="utf-8"))["modules"][f"\\{module}"]
        netlist.unlink()
        cells = {cell.removeprefix("\\"): number for cell, number in found["num_cells_by_type"].items()}
        return {"module": module, "cells": cells, "logic_cells": found.get("estimated_num_lc")}

    def _work(self, name: str) -> Path:
        """A new folder for one run of Yosys."""
        return make_folder(self._place / str(len(self._logs)))

    def _run(self, commands: Sequence[str], here: Path, what: str, name: str) -> None:
        self._logs.append((name, here / yosys.LOG))
        try:
            yosys.run(commands, here, cwd=self._folder, timeout_s=self._timeout_s)
        except yosys.YosysFailedError as error:
            del self._logs[:-1]
            (log,) = self.put_logs()
            raise ToolError(f"{self._tool} failed on {what}: {error}; its log is {log}") from None

    def put_logs(self) -> list[Path]:
        """Move the logs to where the user finds them; returns their places."""
        folder = make_folder(self._folder / LOGS)
        places = [folder / f"{name}.log" for name, _ in self._logs]
        with output_errors(folder):
            for place, (_, log) in zip(places, self._logs, strict=True):
                write_bytes(place, log.read_bytes())
        return places


def _value(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def _quote(path: str) -> str:
    return f'"{path}"'
