"""Synthesis: what a build takes of a device, measured by Yosys; `BUILD/synthesis.json`."""

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from rebnet.boards import KEYS, Board, Family, boards
from rebnet.choices import MODULE_TIMEOUT_S
from rebnet.errors import FileFormatError, OptionError
from rebnet.files import file_hash, write_record
from rebnet.rtl.ports import PORTS_FILE, read_ports
from rebnet.synthesize.hierarchy import synthesize_rtl
from rebnet.synthesize.limit import limit_record
from rebnet.synthesize.usage import Instance, Netlist, Usage

SYNTHESIS_FILE = "synthesis.json"
_SAME_CELLS: dict[Family, tuple[Family, ...]] = {
    "xc7": ("xc7", "xcup"),
    "xcup": ("xc7", "xcup"),
    "ecp5": ("ecp5",),
    "ice40": ("ice40",),
}
"""Families of which a part can be judged by figures of the first: equal LUTs, block RAMs and multipliers."""


def synthesize(
    build: Path,
    board: Board,
    *,
    cache_dir: Path | None = None,
    timeout_s: float = MODULE_TIMEOUT_S,
    processes: int | None = None,
    progress: Callable[[str, int, int], None] = lambda module, done, total: None,
) -> dict[str, Any]:
    """Synthesize the accelerator in `build` for the part of `board`; write and return synthesis.json.

    Whether it fits is in the record and no error: `fits`, `shortages`, and `boards_that_fit`; and `limit`, whether it
    keeps the share of the device that was asked for when the folding was chosen.

    Args:
        build: folder that `generate` filled.
        board: a board or a bare part, see `rebnet.boards.find`.
        cache_dir: where results are kept; None takes the user's cache.
        timeout_s: most seconds for one module.
        processes: how many modules are synthesized at once; one per core if not given.
        progress: called after each module with its name, how many are done and how many there are.

    Raises:
        FileFormatError: the build is not compiled or damaged.
        MissingExtraError: Yosys is not installed.
        OptionError: the time or the number of processes is not positive.
        OutputError: build or cache cannot be written.
        ToolError: Yosys failed, was killed or took too long; names the module and the log.
    """
    if not timeout_s > 0:
        raise OptionError(f"timeout={timeout_s:g}: a module needs some time; use more than 0 seconds")
    if processes is not None and processes < 1:
        raise OptionError(f"processes={processes}: at least one module must be synthesized; use 1 or more")
    ports = _read_ports(build)
    started = monotonic()
    netlist = synthesize_rtl(
        ports["files"],
        ports["top"],
        board.part.family,
        folder=build,
        cache_dir=cache_dir,
        timeout_s=timeout_s,
        processes=processes or os.cpu_count() or 1,
        progress=progress,
    )
    record = _record(netlist, board)
    record["limit"] = limit_record(build, board.part, netlist.total.resources)
    record["seconds"] = round(monotonic() - started, 1)
    record["inputs"] = {"ports": file_hash(build / PORTS_FILE)}
    write_record(build / SYNTHESIS_FILE, record)
    return record


def _read_ports(build: Path) -> dict[str, Any]:
    path = build / PORTS_FILE
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file; name a folder that 'rebnet compile' filled")
    return read_ports(build)


def _record(netlist: Netlist, board: Board) -> dict[str, Any]:
    part, needed = board.part, netlist.total.resources
    usage = part.usage(needed)
    return {
        "part": part.name,
        "board": board.name,
        "family": part.family,
        "tool": netlist.tool,
        "modules": [_module(instance) for instance in netlist.instances],
        "total": _usage(netlist.total),
        "device": part.device.as_record(),
        "utilisation": {name: round(100 * used / has, 2) for name, (used, has) in usage.items()},
        "fits": part.fits(needed),
        "shortages": [
            {"resource": name, "needed": used, "available": has} for name, (used, has) in part.shortages(needed).items()
        ],
        "boards_that_fit": [
            other.name
            for other in boards()
            if other.part.family in _SAME_CELLS[part.family] and other.part.fits(needed)
        ],
        "modules_synthesized": netlist.synthesized,
        "modules_cached": netlist.cached,
    }


def _module(instance: Instance) -> dict[str, Any]:
    parts = [{"module": part.module, "count": part.count, **_usage(part.each)} for part in instance.parts]
    return {"name": instance.name, "module": instance.module, **_usage(instance.usage), "parts": parts}


def _usage(usage: Usage) -> dict[str, Any]:
    return {**usage.resources.as_record(), "LC": usage.logic_cells}


__all__ = ["KEYS", "SYNTHESIS_FILE", "synthesize"]
