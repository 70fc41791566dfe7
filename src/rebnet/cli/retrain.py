"""`rebnet retrain`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import DataDir, Device, Trained, answer_training, leads, note, quiet, resumable


def command(
    source: Trained,
    output: Annotated[Path, typer.Option(help="Folder of the run; those before it lie in its folder before.")],
    seed: Annotated[
        int | None, typer.Option(help="Seed of everything random in all trainings; their own if not given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint; finished trainings are kept.")
    ] = False,
    device: Device = "auto",
    data_dir: DataDir = None,
) -> None:
    """Train again what a record tells: the network and, before it, those that it started and learned from.

    Example: [bold]rebnet retrain zoo:mnist-arch-1-m2 --seed 1 --output runs/mnist-m2-again[/bold]
    """

    def say(stage: str) -> None:
        if leads():
            note(stage)

    with resumable(output):
        record = flow.retrain(
            source, output, data_dir=data_dir, seed=seed, resume=resume, device=device, quiet=quiet(), say=say
        )
    answer_training(record)
