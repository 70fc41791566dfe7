"""What several verbs share: options, progress on stderr, and lists of levels."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rebnet.errors import OptionError

errors = Console(stderr=True)
results = Console()

DatasetName = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="digits, mnist, fashion-mnist, cifar10, svhn, imagenet, or npz:FILE (uint8 images N×H×W×C, "
        "integer labels).",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="REBNET_DATA_DIR",
        help="Folder that already holds the data sets; else they are downloaded once.",
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        envvar="REBNET_CACHE_DIR",
        help="Folder of kept results of synthesis; the user's cache if not given.",
    ),
]
Build = Annotated[Path, typer.Argument(help="Folder that 'rebnet compile' made.")]


def parse_levels(
    text: str | None, option: str = "levels", example: str = "2, or 3,1,2 to change every image"
) -> tuple[int, ...] | None:
    """'3,1,2' to (3, 1, 2); the message names the option and an example."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise OptionError(f"{option}={text!r}: not a list of whole numbers; write for example {example}")
    return tuple(map(int, parts))


def parse_images(text: str) -> int | None:
    """'all' to None, a number to itself."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) == 0:
        raise OptionError(f"images={text!r}: write 'all' or a number of at least 1")
    return int(text)


@contextmanager
def image_progress(title: str, total: int | None) -> Iterator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """A bar on stderr; yields a function for the stage's name and one for images done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield (
            lambda stage: progress.update(task, description=stage),
            lambda images_done: progress.update(task, advance=images_done),
        )


@contextmanager
def resumable(output: Path) -> Iterator[None]:
    """A training into `output`: one sentence and exit code 130 where Ctrl-C ends it."""
    try:
        yield
    except KeyboardInterrupt:
        if leads():
            errors.print(
                f"rebnet: interrupted; the last finished epoch is in {output}, go on with the same command and "
                "--resume",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        raise typer.Exit(130) from None


def leads() -> bool:
    """Whether this process speaks for all: it was started alone, or by torchrun as the first."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


def print_record(record: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Figures of a record on stdout, one a line."""
    width = max(map(len, keys))
    for key in keys:
        print(f"{key:<{width}}  {record[key]}")


def print_training(record: dict[str, Any]) -> None:
    """What came out of a training, from the process that speaks for all."""
    if leads():
        own = ("validation_accuracies", "test_accuracies") if record["any_levels"] else ()
        print_record(record, ("network", "dataset", "levels", "epochs", "validation_accuracy", "test_accuracy", *own))
