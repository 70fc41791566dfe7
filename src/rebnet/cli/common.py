"""What several verbs share: options, how a verb speaks, and lists of levels."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from rebnet.choices import Shell
from rebnet.cli import signals
from rebnet.errors import OptionError
from rebnet.progress import Shown, shown

_LOG = logging.getLogger("rebnet")


def _names(kind: str) -> Callable[[str], list[str]]:
    """For a shell that completes: what `rebnet list` lists, as far as it begins so."""

    def complete(begun: str) -> list[str]:
        from rebnet.flow.catalogue import list_

        names = [str(row["name"]) for row in list_(kind)]  # type: ignore[arg-type]
        return [name for name in names if name.startswith(begun)]

    return complete


complete_boards, complete_parts, complete_zoo = _names("boards"), _names("parts"), _names("zoo")

DatasetName = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="digits, mnist, fashion-mnist, cifar10, svhn, imagenet, or npz:FILE (uint8 images N×H×W×C, "
        "integer labels or label maps).",
        autocompletion=_names("datasets"),
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
        help="Folder of kept results of synthesis and built simulators; the user's cache if not given.",
    ),
]
Build = Annotated[Path, typer.Argument(help="Folder that 'rebnet compile' made.")]
InputScale = Annotated[
    str | None,
    typer.Option(
        help="Of FILE.onnx: its image is 'unit', bytes divided by 255, or 'bytes'; told by the file if it can."
    ),
]
Trained = Annotated[
    str,
    typer.Argument(
        help="Folder of a finished training, or zoo:NAME (for example zoo:mnist-arch-1-m2).",
        autocompletion=complete_zoo,
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        help="Folder of a finished training, zoo:NAME (for example zoo:mnist-arch-1-m2), or FILE.onnx.",
        autocompletion=complete_zoo,
    ),
]
TargetFps = Annotated[
    float | None,
    typer.Option("--target-fps", help="Images/s at M levels: the cheapest folding on the board that reaches them."),
]
ClockMhz = Annotated[float | None, typer.Option("--clock-mhz", help="Clock in MHz; the board's if not given.")]
ShellOption = Annotated[
    Shell | None,
    typer.Option("--shell", help="axi: registers, streams for a DMA, an interrupt around the accelerator; BUILD/axi."),
]
RuntimeWeightsOption = Annotated[
    bool,
    typer.Option(
        "--runtime-weights", help="Weights can be written at run time: one bitstream for all networks of its shape."
    ),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, or auto: a CUDA GPU where there is one.")]


@dataclass
class _Manner:
    """How the verb that runs speaks; a process runs one."""

    json: bool = False
    quiet: bool = False


_manner = _Manner()


def speak(*, json: bool, quiet: bool, verbose: bool) -> None:
    """Take the options that all verbs share."""
    if quiet and verbose:
        raise OptionError("--quiet and --verbose: say the opposite; leave one out")
    _manner.json, _manner.quiet = json, quiet
    _LOG.handlers.clear()
    _LOG.setLevel(logging.NOTSET)
    if verbose:
        _LOG.addHandler(_Stderr())
        _LOG.setLevel(logging.DEBUG)


class _Stderr(logging.Handler):
    """Prints what the rooms log, such as the commands of other tools."""

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is not None:
            print(record.getMessage(), file=sys.stderr)


def as_json() -> bool:
    """Whether stdout is for one JSON document."""
    return _manner.json


def quiet() -> bool:
    """Whether only figures and errors are wanted."""
    return _manner.quiet


def note(text: str) -> None:
    """A line for the reader, on stderr."""
    if not _manner.quiet and sys.stderr is not None:
        print(text, file=sys.stderr)


def answer(record: object, show: Callable[[], None]) -> None:
    """The figures of a verb on stdout: the record as JSON where that is asked for, else what `show` prints."""
    if not _manner.json:
        show()
        return
    print(json.dumps(record, indent=2, default=_plain))


def _plain(value: object) -> object:
    """What JSON has no form for: a record as an object, anything else as text."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def working(title: str, total: float | None = None, unit: str = "images") -> AbstractContextManager[Shown]:
    """Progress on stderr while a block runs."""
    return shown(title, total, unit=unit, quiet=_manner.quiet)


def table(*headings: str, words: Iterable[str] = ()) -> Table:
    """A table of figures, which stay whole; `words` are the columns that may be folded."""
    folded = set(words)
    columns = (
        Column(heading, overflow="fold") if heading in folded else Column(heading, justify="right", no_wrap=True)
        for heading in headings
    )
    return Table(*columns)


def print_table(shown: Table) -> None:
    """A table on stdout, as wide as its figures need where the terminal is narrower, or where there is none."""
    console = Console(markup=False, highlight=False, emoji=False)
    least = console.measure(shown).minimum
    if not console.is_terminal:
        console.width = max(console.width, least, 1000 if shown.columns else 0)
    elif console.width < least:
        console.width = least
    console.print(shown)


def parse_levels(
    text: str | None, option: str = "levels", example: str = "2, or 3,1,2 to change every image"
) -> tuple[int, ...] | None:
    """'3,1,2' to (3, 1, 2); the message names the option and an example."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise OptionError(f"{option}={text!r}: not a list of whole numbers; write for example {example}")
    return tuple(map(int, parts))


def parse_images(text: str) -> int | None:
    """'all' to None, a number to itself."""
    if text == "all":
        return None
    if not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise OptionError(f"images={text!r}: write 'all' or a number of at least 1")
    return int(text)


@contextmanager
def resumable(output: Path, again: str = "the same command and --resume") -> Iterator[None]:
    """A training into `output`: what there is to say where Ctrl-C or another signal ends it, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as ended:
        from rebnet.train.folder import CHECKPOINT_FILE

        kept = output.is_dir() and next(output.rglob(CHECKPOINT_FILE), None) is not None
        outcome = f"the last finished epoch is in {output}, go on with {again}" if kept else "no epoch was finished"
        raise signals.Ended(signals.exit_code(ended) - 128, outcome if leads() else "") from None


def leads() -> bool:
    """Whether this process speaks for all: it was started alone, or by torchrun as the first."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


def print_record(record: Mapping[str, object], keys: tuple[str, ...], *, width: int = 0) -> None:
    """Figures that a record has on stdout, one a line; the column of keys is as wide as the longest, or `width`."""
    keys = tuple(key for key in keys if key in record)
    width = max((width, *map(len, keys)))
    for key in keys:
        print(f"{key:<{width}}  {record[key]}", flush=True)


def answer_training(record: Mapping[str, object]) -> None:
    """What came out of a training, from the process that speaks for all."""
    if not leads():
        return
    figures = ("validation_accuracy", "test_accuracy", "validation_error", "test_error")
    own = ("validation_accuracies", "test_accuracies", "validation_errors", "test_errors")
    keys = ("network", "dataset", "levels", "epochs", *figures, *(own if record["any_levels"] else ()))
    answer(record, lambda: print_record(record, keys))
