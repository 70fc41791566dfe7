"""`rebnet sweep`."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from rebnet import flow
from rebnet.cli import signals
from rebnet.cli.common import CacheDir, DataDir, answer, note, print_record, print_table, quiet, table
from rebnet.progress import on_terminal

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from rebnet.records.sweep import Sweep

_MARKS = {"waiting": "·", "running": "…", "done": "✓", "broken": "✗", "blocked": "–"}
_FIGURES = {
    "float_accuracy": "float %",
    "accuracy": "%",
    "rtl_accuracy": "RTL %",
    "float_error": "float error",
    "error": "error",
    "rtl_error": "RTL error",
    "mismatches": "mismatches",
    "predicted_cycles_per_image": "cycles, model",
    "cycles_per_image": "cycles, RTL",
    "predicted_lut": "LUT, model",
    "LUT": "LUT",
}
_TOTALS = ("points", "done", "broken", "steps", "shared", "steps_run", "steps_found", "seconds", "work_seconds")
_AGAIN_S = 0.2


def command(
    study: Annotated[Path, typer.Argument(help="STUDY.toml: axes of options, and points by hand.")],
    output: Annotated[Path, typer.Option(help="Folder of the sweep; what is done there is not done again.")],
    workers: Annotated[int | None, typer.Option(help="Processes at once; one per core if not given.")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Ray cluster whose machines do the steps: HOST:PORT, or auto on one of them.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of a step; the cores are shared if not given, 1 with --ray.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the points, and what they share.")] = False,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
) -> None:
    """Train, compile, evaluate, simulate and synthesize every point of a study; what is equal is done once.

    A point that breaks ends no other. The same command goes on where it was ended.

    Example: [bold]rebnet sweep study.toml --output sweeps/digits[/bold]
    """
    with _showing(dry_run) as shown, _resumable(output):
        record = flow.sweep(
            study,
            output,
            workers=workers,
            ray=ray,
            threads=threads,
            dry_run=dry_run,
            data_dir=data_dir,
            cache_dir=cache_dir,
            note=note,
            progress=shown.tell,
        )
    answer(record, lambda: _print(record, dry_run=dry_run))
    if not dry_run and (record.broken or any(point.figures.mismatches for point in record.points)):
        raise typer.Exit(1)


@contextmanager
def _resumable(output: Path) -> Iterator[None]:
    """What there is to say where a signal ends it."""
    try:
        yield
    except KeyboardInterrupt as ended:
        outcome = f"what is done stays in {output}, the same command goes on"
        raise signals.Ended(signals.exit_code(ended) - 128, outcome) from None


class _Shown(Protocol):
    def tell(self, record: "Sweep") -> None:
        """Show how far it is."""


@contextmanager
def _showing(dry_run: bool) -> Iterator[_Shown]:
    """A table that is drawn again on a terminal; elsewhere a line a step."""
    if quiet() or dry_run:
        yield _Nothing()
    elif not on_terminal():
        yield _Lines()
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        with Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False) as live:
            yield _Drawn(live)


class _Nothing:
    def tell(self, record: "Sweep") -> None: ...


class _Lines:
    """A line for every step that has ended."""

    def __init__(self) -> None:
        self._said: dict[str, int] | None = None

    def tell(self, record: "Sweep") -> None:
        first = self._said is None
        said = self._said = self._said or {}
        ended = sum(step.state in ("done", "broken", "blocked") for step in record.steps)
        for step in record.steps:
            tries = len(step.attempts)
            lost = bool(tries) and step.attempts[-1].outcome == "lost"
            if said.get(step.name) == tries or not (lost or step.state in ("done", "broken")):
                continue
            said[step.name] = tries
            if first:
                continue
            points = [place for place, point in enumerate(record.points, 1) if step.name in point.steps.values()]
            of = f"point{'s' * (len(points) > 1)} {_ranges(points)}"
            attempt = step.attempts[-1]
            took = f", {attempt.seconds:.1f} s" if attempt.seconds else ""
            how = "lost, is tried again" if lost and step.state != "broken" else step.state
            why = f": {step.error}" if step.error else ""
            print(
                f"{ended} of {len(record.steps)}: {step.verb} of {of} {how} on {attempt.node}{took}{why}",
                file=sys.stderr,
            )


class _Drawn:
    """The table, as far as the terminal is high."""

    def __init__(self, live: "Live") -> None:
        self._live, self._last = live, 0.0
        self._since: dict[str, float] = {}

    def tell(self, record: "Sweep") -> None:
        now = time.monotonic()
        running = {step.name for step in record.steps if step.state == "running"}
        self._since = {name: self._since.get(name, now) for name in running}
        if now - self._last < _AGAIN_S:
            return
        self._last = now
        room = max(3, shutil.get_terminal_size().lines - 7)
        self._live.update(_table(record, self._since, room), refresh=True)


def _table(record: "Sweep", since: dict[str, float], room: int | None = None, *, planned: bool = False) -> "Table":
    """A row a point, those that something is done for first where not all have room.

    A plan says of a step that an earlier point needs too "as 1", that point's number.
    """
    steps = {step.name: step for step in record.steps}
    figures = [key for key in _FIGURES if any(point.figures.get(key) is not None for point in record.points)]
    rows = table("", *record.varied, *record.stages, *(_FIGURES[key] for key in figures), words=record.varied)
    numbered = list(enumerate(record.points, start=1))
    if room is not None and len(numbered) > room:
        numbered.sort(key=lambda one: not any(steps[name].state == "running" for name in one[1].steps.values()))
        numbered = sorted(numbered[:room])
    now = time.monotonic()
    first: dict[str, int] = {}
    for place, point in numbered:
        marks = []
        for stage in record.stages:
            step = steps.get(point.steps.get(stage, ""))
            if step is None:
                marks.append("")
                continue
            mark = _MARKS[step.state] + (f" {now - since[step.name]:.0f} s" if step.name in since else "")
            owner = first.setdefault(step.name, place)
            marks.append(f"as {owner}" if planned and owner != place else mark)
        values = [_value(point.coordinates.get(name)) for name in record.varied]
        rows.add_row(str(place), *values, *marks, *(_value(point.figures.get(key)) for key in figures))
    done = sum(point.state == "done" for point in record.points)
    rows.caption = f"{done} of {len(record.points)} points, {len(record.broken)} broken, {record.seconds:.0f} s"
    return rows


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _ranges(places: list[int]) -> str:
    """1, 2, 3, 7 as 1-3, 7."""
    parts: list[list[int]] = []
    for place in places:
        if parts and parts[-1][1] == place - 1:
            parts[-1][1] = place
        else:
            parts.append([place, place])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _print(record: "Sweep", *, dry_run: bool) -> None:
    """The points; on a dry run what they share, else what came out."""
    print_table(_table(record, {}, planned=dry_run))
    states = [point.state for point in record.points]
    alone = sum(len(point.steps) for point in record.points)
    totals = {
        "points": len(record.points),
        "done": states.count("done"),
        "broken": states.count("broken"),
        "steps": len(record.steps),
        "shared": f"{len(record.steps)} steps do the work of {alone}",
        "steps_run": record.steps_run,
        "steps_found": record.steps_found,
        "seconds": record.seconds,
        "work_seconds": record.work_seconds,
    }
    if dry_run:
        verbs = {verb: [step for step in record.steps if step.verb == verb] for verb in record.stages}
        totals["steps"] = ", ".join(f"{len(own)} {verb}" for verb, own in verbs.items())
        print_record(totals, ("points", "steps", "shared", "steps_found"))
        return
    for place, point in enumerate(record.points, start=1):
        if point.error:
            print(f"point {place} broke: {point.error}")
    print_record(totals, _TOTALS)
