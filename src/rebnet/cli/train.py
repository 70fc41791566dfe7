"""`rebnet train`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import DataDir, DatasetName, Device, answer_training, quiet, resumable


def command(
    network: Annotated[
        str, typer.Option(help="Name (arch-1, resnet-20 …) or text, such as '28x28x1 - D256(16,64) - D10'.")
    ],
    dataset: DatasetName,
    output: Annotated[Path, typer.Option(help="Folder of the run.")],
    levels: Annotated[int, typer.Option(help="Residual levels M of every activation, 1 to 8; 0: float, to teach.")] = 1,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images; the recipe's if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    recipe: Annotated[str | None, typer.Option(help="Name of a recipe; the data set's own if not given.")] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Finished run of the same network to start from: of as many levels or fewer, or any-level."),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Finished run on the same images, whose scores the network learns to give.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    input_bits: Annotated[int, typer.Option(help="Bits of each pixel that are used, 1 to 8.")] = 8,
    width: Annotated[float, typer.Option(help="Factor on the outputs of every hidden layer.")] = 1,
    gain_bits: Annotated[int, typer.Option(help="Bits of the sum of a layer's integer gains.")] = 8,
    weight_bits: Annotated[
        int | None,
        typer.Option(help="Bits of every layer's weights, 1 to 8; the recipe's if not given."),
    ] = None,
    first_weight_bits: Annotated[int | None, typer.Option(help="The same of the first layer.")] = None,
    last_weight_bits: Annotated[int | None, typer.Option(help="The same of the last layer.")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="Method of binarization, see 'rebnet list methods'; the recipe's if not given."),
    ] = None,
    any_levels: Annotated[
        bool,
        typer.Option("--any-levels", help="Train for every m from 1 to M: shared weights, constants of their own."),
    ] = False,
    device: Device = "auto",
    data_dir: DataDir = None,
) -> None:
    """Train a residual binarized network and write model.safetensors and training.json.

    Example: [bold]rebnet train --network arch-1 --dataset mnist --levels 2 --output runs/mnist-m2[/bold]
    """
    with resumable(output):
        record = flow.train(
            network,
            dataset,
            levels,
            output,
            data_dir=data_dir,
            epochs=epochs,
            seed=seed,
            recipe=recipe,
            start=start,
            teacher=teacher,
            resume=resume,
            input_bits=input_bits,
            width=width,
            gain_bits=gain_bits,
            weight_bits=weight_bits,
            first_weight_bits=first_weight_bits,
            last_weight_bits=last_weight_bits,
            method=method,
            any_levels=any_levels,
            device=device,
            quiet=quiet(),
        )
    answer_training(record)
