"""Synthesis: what a build takes of a device, measured by Yosys; `BUILD/synthesis.json`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

from rebnet import swap
from rebnet.boards import KEYS, Board, Family, Part, Resources, boards
from rebnet.build_folder import check_build
from rebnet.choices import MODULE_TIMEOUT_S
from rebnet.errors import FileFormatError, OptionError
from rebnet.files import file_hash, write_record
from rebnet.generate.check import checked
from rebnet.generate.rtl import Generated
from rebnet.records import Synthesis
from rebnet.records.kinds import Counts, Module
from rebnet.records.request import Request
from rebnet.records.synthesis import Shortage
from rebnet.rtl.ports import PORTS_FILE
from rebnet.synthesize.hierarchy import LOGS, synthesize_rtl
from rebnet.synthesize.limit import limit_record
from rebnet.synthesize.usage import Instance, Netlist, Usage

SYNTHESIS_FILE = Synthesis.FILE
_SAME_CELLS: dict[Family, tuple[Family, ...]] = {
    "xc7": ("xc7", "xcup"),
    "xcup": ("xc7", "xcup"),
    "ecp5": ("ecp5",),
    "gowin": ("gowin",),
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
    edited: bool = False,
    progress: Callable[[str, int, int], None] = lambda module, done, total: None,
    request: Request | None = None,
    more: Callable[[Synthesis], Synthesis] = lambda record: record,
) -> Synthesis:
    """Synthesize the accelerator in `build` for the part of `board`; write and return synthesis.json.

    Whether it fits is in the record and no error: `fits`, `shortages`, and `boards_that_fit`; and `limit`, whether it
    keeps the share of the device that was asked for when the folding was chosen.

    Args:
        build: folder that `generate` filled.
        board: a board or a bare part, see `rebnet.boards.find`.
        cache_dir: where results are kept; None takes the user's cache.
        timeout_s: most seconds for one module.
        processes: how many modules are synthesized at once; one per core if not given.
        edited: take the build's `rtl/` and `mem/` where they are not what its network and folding generate.
        progress: called after each module with its name, how many are done and how many there are.
        request: what the caller was asked for; the record keeps it.
        more: adds to the record before it is written; where it fails, none is.

    Raises:
        FileFormatError: the build is not compiled, damaged or edited.
        MissingExtraError: Yosys is not installed.
        OptionError: the time or the number of processes is not positive.
        OutputError: build or cache cannot be written.
        ToolError: Yosys failed, was killed or took too long; names the module and the log.
    """
    if not timeout_s > 0:
        raise OptionError(f"timeout={timeout_s:g}: a module needs some time; use more than 0 seconds")
    if processes is not None and processes < 1:
        raise OptionError(f"processes={processes}: at least one module must be synthesized; use 1 or more")
    made = files_of(build, edited)
    started = monotonic()
    with scratch(made) as folder:
        netlist = synthesize_rtl(
            list(made.sources),
            made.ports.top,
            board.part.family,
            folder=folder,
            logs=build / LOGS,
            cache_dir=cache_dir,
            timeout_s=timeout_s,
            processes=processes or os.cpu_count() or 1,
            progress=progress,
        )
    counted = replace(
        _record(netlist, board),
        limit=limit_record(build, board.part, netlist.total.resources),
        seconds=round(monotonic() - started, 1),
        edited=bool(made.edited) or None,
        inputs={"ports": file_hash(build / PORTS_FILE)},
        request=request,
    )
    record = more(counted)
    write_record(build / SYNTHESIS_FILE, record)
    return record


def files_of(build: Path, edited: bool) -> Generated:
    """What is synthesized of a build; see `rebnet.generate.check.checked`."""
    path = build / PORTS_FILE
    check_build(build)
    if not path.exists():
        raise FileFormatError(f"{path}: no such file; name a folder that 'rebnet compile' filled")
    return checked(build, edited=edited)


@contextmanager
def scratch(made: Generated) -> Iterator[Path]:
    """A folder with the sources and memory images, away from the build and under a plain name."""
    with swap.scratch("synthesize") as place:
        made.write(place)
        yield place


def _record(netlist: Netlist, board: Board) -> Synthesis:
    part, needed = board.part, netlist.total.resources
    usage = part.usage(needed)
    return Synthesis(
        part=part.name,
        board=board.name,
        family=part.family,
        tool=netlist.tool,
        modules=tuple(map(_module, netlist.instances)),
        total=_counts(netlist.total),
        device=part.device.as_record(),
        utilisation={name: round(100 * used / has, 2) for name, (used, has) in usage.items()},
        fits=part.fits(needed),
        shortages=shortages_of(part, needed),
        boards_that_fit=tuple(
            other.name
            for other in boards()
            if other.part.family in _SAME_CELLS[part.family] and other.part.fits(needed)
        ),
        modules_synthesized=netlist.synthesized,
        modules_cached=netlist.cached,
    )


def shortages_of(part: Part, needed: Resources) -> tuple[Shortage, ...]:
    """What the part has too little of."""
    short = part.shortages(needed).items()
    return tuple(Shortage(resource=name, needed=used, available=has) for name, (used, has) in short)


def _module(instance: Instance) -> Module:
    parts = tuple(Module(module=part.module, count=part.count, **vars(_counts(part.each))) for part in instance.parts)
    return Module(name=instance.name, module=instance.module, **vars(_counts(instance.usage)), parts=parts)


def _counts(usage: Usage) -> Counts:
    return replace(usage.resources.as_record(), LC=usage.logic_cells)


__all__ = ["KEYS", "SYNTHESIS_FILE", "synthesize"]
