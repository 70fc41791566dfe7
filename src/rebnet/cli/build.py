"""`rebnet build`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from rebnet import flow
from rebnet.boards import named_once
from rebnet.cli import compile as compile_verb
from rebnet.cli import evaluate, report, simulate, synthesize
from rebnet.cli.common import CacheDir, DataDir, errors, parse_images, print_record


def command(
    source: Annotated[
        str, typer.Argument(help="Folder of a finished training, or zoo:NAME (for example zoo:mnist-arch-1-m2).")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the build.")],
    board: Annotated[str | None, typer.Option(help="Board, such as zc702.")] = None,
    part: Annotated[str | None, typer.Option(help="Part, such as xc7s50, instead of a board.")] = None,
    folding: Annotated[
        str | None, typer.Option(help="paper, balanced, or a folding.json; searched for the device if not given.")
    ] = None,
    target_fps: Annotated[
        float | None, typer.Option(help="Images/s at M levels: the cheapest folding on the board that reaches them.")
    ] = None,
    images: Annotated[str, typer.Option(help="How many test images go through the RTL, or all.")] = "100",
    dataset: Annotated[str | None, typer.Option(help="Test images; the training's own if not given.")] = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
) -> None:
    """Everything from a trained network to the page: compile, evaluate, simulate, synthesize, report.

    A stage that fails leaves those before it as they are; the verb of each goes on from there.

    Example: [bold]rebnet build zoo:mnist-arch-1-m1 --part xc7s50 --folding paper --output build/mnist-m1[/bold]
    """
    named_once(part, board)
    parse_images(images)
    chosen = dataset or flow.dataset_of(source)
    searched = (board or part) if folding is None else None
    stages: dict[str, Callable[[], None]] = {
        "compile": partial(
            compile_verb.command, source, output, folding=folding, board=searched, target_fps=target_fps
        ),
        "evaluate": partial(evaluate.command, output, chosen, data_dir=data_dir),
        "simulate": partial(simulate.command, output, chosen, images=images, data_dir=data_dir),
        "synthesize": partial(synthesize.command, output, part=part, board=board, cache_dir=cache_dir),
        "report": partial(report.command, [output]),
    }
    seconds = {}
    for name, stage in stages.items():
        errors.print(f"[bold]{name}[/bold]")
        started = monotonic()
        stage()
        seconds[f"{name} seconds"] = round(monotonic() - started, 1)
    total = {"seconds": round(sum(seconds.values()), 1)}
    print_record(seconds | total, (*seconds, *total))
