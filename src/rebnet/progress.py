"""Progress on stderr: a bar on a terminal; elsewhere, as in a log, a line now and then without control characters."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY_S = 10.0
"""A log gets a line for the first stage, and then one at most so often, seconds."""


class Shown(Protocol):
    """What is shown of work that goes on."""

    def say(self, stage: str) -> None:
        """Show what comes next."""

    def advance(self, count: float) -> None:
        """Add to what is done."""

    def to(self, done: float, total: float | None) -> None:
        """Say how much is done, and of how much."""


@contextmanager
def shown(title: str, total: float | None = None, *, unit: str = "", quiet: bool = False) -> Iterator[Shown]:
    """Show the progress of `title` while the block runs: `total` units of work, None where that is not known."""
    if quiet:
        yield _Nothing()
    elif not on_terminal():
        yield _Lines(title, total, unit)
    else:
        with _bar(title, total, unit) as bar:
            yield bar


def on_terminal() -> bool:
    """Whether stderr is a terminal that can draw; a notebook and a log are none."""
    from rich.console import Console

    return sys.stderr is not None and sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal


class _Nothing:
    def say(self, stage: str) -> None:
        pass

    def advance(self, count: float) -> None:
        pass

    def to(self, done: float, total: float | None) -> None:
        pass


class _Lines:
    def __init__(self, title: str, total: float | None, unit: str) -> None:
        self._title, self._total, self._unit = title, total, f" {unit}" if unit else ""
        self._done = 0.0
        self._last: float | None = None

    def say(self, stage: str) -> None:
        self._title = stage
        self._line()

    def advance(self, count: float) -> None:
        self.to(self._done + count, self._total)

    def to(self, done: float, total: float | None) -> None:
        self._done, self._total = done, total
        self._line()

    def _line(self) -> None:
        now = time.monotonic()
        if sys.stderr is None or (self._last is not None and now - self._last < EVERY_S):
            return
        of = f" of {self._total:g}" if self._total else ""
        begins = self._last is None or not self._done
        print(self._title if begins else f"{self._title}: {self._done:g}{of}{self._unit}", file=sys.stderr)
        self._last = now


@contextmanager
def _bar(title: str, total: float | None, unit: str) -> Iterator[Shown]:
    """A bar that gives way, then the title, before a number does."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    name = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)
    )
    bar = BarColumn(bar_width=None, table_column=Column(ratio=1))
    done, *times = (
        kind(table_column=Column(no_wrap=True, justify="right"))
        for kind in (MofNCompleteColumn, TimeElapsedColumn, TimeRemainingColumn)
    )
    of = TextColumn(unit, markup=False, table_column=Column(no_wrap=True))
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Progress(
        name,
        bar,
        done,
        of,
        *times,
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield _Bar(progress, progress.add_task(title, total=total))


class _Bar:
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress, self._task = progress, task

    def say(self, stage: str) -> None:
        self._progress.update(self._task, description=stage)

    def advance(self, count: float) -> None:
        self._progress.update(self._task, advance=count)

    def to(self, done: float, total: float | None) -> None:
        self._progress.update(self._task, completed=done, total=total)
