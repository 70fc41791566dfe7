"""`rebnet evaluate`."""

from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import Build, DataDir, DatasetName, image_progress, print_record


def command(
    build: Build,
    dataset: DatasetName,
    levels: Annotated[int | None, typer.Option(help="Levels m to run at, 1 to M; M if not given.")] = None,
    engine: Annotated[
        flow.Engine, typer.Option(help="packed, reference, or both, which compares their scores.")
    ] = "packed",
    data_dir: DataDir = None,
) -> None:
    """Run the integer network on the CPU over the whole test set, beside the float one.

    Example: [bold]rebnet evaluate build/mnist-m2 --dataset mnist[/bold]
    """
    with image_progress("evaluating", None) as (_, progress):
        record = flow.evaluate(build, dataset, data_dir=data_dir, levels=levels, engine=engine, progress=progress)
    keys = ("engine", "images", "levels", "accuracy", "float_accuracy", "labels_differing", "images_per_second")
    print_record(record, (*keys, "mismatches") if "mismatches" in record else keys)
    if record.get("mismatches"):
        raise typer.Exit(1)
