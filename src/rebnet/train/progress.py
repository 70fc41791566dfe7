"""The progress bar of a training, on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Reporter:
    """Shows epochs done, loss and validation accuracy."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def step(self, epochs: float) -> None:
        """Say how far the training is, in epochs."""
        self._progress.update(self._task, completed=epochs)

    def epoch(self, loss: float, validation_accuracy: float) -> None:
        """Show the figures of a finished epoch."""
        self._progress.update(self._task, loss=f"{loss:.4f}", accuracy=f"{validation_accuracy:.2f} %")


@contextmanager
def reporting(name: str, epochs: int, quiet: bool) -> Iterator[Reporter]:
    """Show a bar over `epochs` while the block runs, or nothing where `quiet`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("epoch {task.completed:.1f}/{task.total}"),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("validation {task.fields[accuracy]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        yield Reporter(progress, progress.add_task(name, total=epochs, loss="-", accuracy="-"))
