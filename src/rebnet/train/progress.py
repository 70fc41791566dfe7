"""The progress of a training, on stderr: a bar on a terminal, elsewhere a line an epoch."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rebnet.progress import on_terminal


class Reporter(Protocol):
    """Shows epochs done, loss, and how good the network is on validation images."""

    def step(self, epochs: float) -> None:
        """Say how far the training is, in epochs."""

    def epoch(self, loss: float, validation: str) -> None:
        """Show the figures of a finished epoch."""


@contextmanager
def reporting(name: str, epochs: int, quiet: bool, done: int = 0) -> Iterator[Reporter]:
    """Show progress over `epochs`, of which `done` are finished, while the block runs; nothing where `quiet`."""
    if quiet:
        yield _Nothing()
    elif not on_terminal():
        yield _Lines(epochs, done)
    else:
        with _bar(name, epochs) as bar:
            yield bar


class _Nothing:
    def step(self, epochs: float) -> None:
        pass

    def epoch(self, loss: float, validation: str) -> None:
        pass


class _Lines:
    def __init__(self, epochs: int, done: int) -> None:
        self._epochs, self._done = epochs, done

    def step(self, epochs: float) -> None:
        pass

    def epoch(self, loss: float, validation: str) -> None:
        self._done += 1
        if sys.stderr is not None:
            figures = f"loss {loss:.4f}, validation {validation}"
            print(f"epoch {self._done} of {self._epochs}: {figures}", file=sys.stderr, flush=True)


@contextmanager
def _bar(name: str, epochs: int) -> Iterator[Reporter]:
    """A bar; where the terminal is narrow the network's text gives way, not a number."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
    from rich.table import Column

    def number(text: str) -> TextColumn:
        return TextColumn(text, markup=False, table_column=Column(no_wrap=True))

    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        number("epoch {task.completed:.1f}/{task.total}"),
        number("loss {task.fields[loss]}"),
        number("validation {task.fields[validation]}"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )

    class _Bar:
        def __init__(self, progress: Progress, task: TaskID) -> None:
            self._progress, self._task = progress, task

        def step(self, epochs: float) -> None:
            self._progress.update(self._task, completed=epochs)

        def epoch(self, loss: float, validation: str) -> None:
            self._progress.update(self._task, loss=f"{loss:.4f}", validation=validation)

    with Progress(
        *columns, console=Console(stderr=True), expand=True, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        yield _Bar(progress, progress.add_task(name, total=epochs, loss="-", validation="-"))
