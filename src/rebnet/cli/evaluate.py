"""`rebnet evaluate`."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from rebnet import flow
from rebnet.choices import Engine
from rebnet.cli.common import (
    Build,
    DataDir,
    DatasetName,
    answer,
    as_json,
    note,
    parse_images,
    parse_levels,
    print_record,
    print_table,
    table,
    working,
)  # fmt: skip

if TYPE_CHECKING:
    from rebnet.records import Adaptive, Evaluation, Online
    from rebnet.records.elsewhere import Elsewhere
    from rebnet.records.evaluation import Answered

_INTEGER = ("engine", "images", "labels", "levels", "accuracy", "error", "images_per_second")
"""Figures of evaluation.json that are there before the float network has run."""
_FLOAT = (
    "mean_iou",
    "float_accuracy",
    "float_error",
    "most_difference",
    "labels_differing",
    "labels_differing_float32",
    "mismatches",
)
_ELSEWHERE = (
    *("where", "images", "labels", "levels", "accuracy", "error", "labels_differing", "values_differing"),
    "images_per_second",
)
_WIDTH = max(map(len, (*_INTEGER, *_FLOAT)))


def command(
    build: Build,
    dataset: DatasetName,
    levels: Annotated[int | None, typer.Option(help="Levels m to run at, 1 to M; M if not given.")] = None,
    engine: Annotated[Engine, typer.Option(help="packed, reference, or both, which compares their scores.")] = "packed",
    adaptive: Annotated[
        str | None,
        typer.Option(help="Ladder of levels, such as 1,3: more only where the best score leads by too little."),
    ] = None,
    max_loss: Annotated[
        float, typer.Option(help="Points of validation accuracy that --adaptive may lose against the ladder's last m.")
    ] = 0.5,
    online: Annotated[
        bool, typer.Option("--online", help="Compare trained factors with factors that each image computes for itself.")
    ] = False,
    no_float: Annotated[
        bool, typer.Option("--no-float", help="Leave the float network out, which takes most of the time.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(
            help="Ask what answers there, and count labels that differ: simulator:BUILD, serial:PORT, pynq:FOLDER, "
            "litex:PORT?csr=FILE, or another build on this processor."
        ),
    ] = None,
    images: Annotated[str | None, typer.Option(help="With --where: how many test images, or all.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the integer network on the CPU over the whole test set, beside the float one.

    Example: [bold]rebnet evaluate build/mnist-m2 --dataset mnist[/bold]
    """
    ladder = parse_levels(adaptive, "adaptive", "1,3")
    count = None if images is None else parse_images(images)
    with ExitStack() as bars:
        bar = bars.enter_context(working("evaluating", count))

        def answered(figures: "Answered") -> None:
            """Print what the integer network says, and go on with the float one."""
            nonlocal bar
            bars.close()
            if not as_json():
                print_record(figures, _INTEGER, width=_WIDTH)
            if no_float:
                return
            times = 1 if "error" in figures else 2  # labels are counted in float32 too
            bar = bars.enter_context(working("evaluating the float network", times * figures.images))

        record = flow.evaluate(
            build,
            dataset,
            data_dir=data_dir,
            levels=levels,
            engine=engine,
            adaptive=ladder,
            max_loss=max_loss,
            online=online,
            no_float=no_float,
            where=where,
            images=count,
            progress=lambda images_done: bar.advance(images_done),  # noqa: PLW0108 - the bar of the moment
            answered=answered,
        )
    answer(record, lambda: print_evaluation(record) if online or ladder or where is not None else _print_float(record))
    if getattr(record, "mismatches", None) or getattr(record, "differing", None):
        raise typer.Exit(1)


def print_evaluation(record: "Evaluation | Adaptive | Online | Elsewhere") -> None:
    """The figures of evaluation.json, adaptive.json or online.json, or of what answered elsewhere."""
    from rebnet.records import Adaptive, Online
    from rebnet.records.elsewhere import Elsewhere

    if isinstance(record, Elsewhere):
        print_record(record, _ELSEWHERE)
    elif isinstance(record, Online):
        print_record(
            record,
            tuple(
                key for key in ("images", "labels", "levels", "trained_accuracy", "online_accuracy") if key in record
            ),
        )
    elif isinstance(record, Adaptive):
        _print_adaptive(record)
    else:
        print_record(record, _INTEGER, width=_WIDTH)
        _print_float(record)


def _print_float(record: Mapping[str, object]) -> None:
    """What the float network adds, and the comparison of two engines."""
    print_record(record, tuple(key for key in _FLOAT if key in record), width=_WIDTH)


def _print_adaptive(record: "Adaptive") -> None:
    """The operating point of adaptive.json beside the ladder's levels alone."""
    point = record.operating_point
    rows = table("levels", "answered %", "validation %", "test %", "cycles per image")
    for rung, answered in zip(record.rungs, point.test_answered, strict=True):
        shown = (rung[key] for key in ("validation_accuracy", "test_accuracy", "cycles"))
        rows.add_row(str(rung.levels), str(answered), *map(str, shown))
    shown = (point[key] for key in ("validation_accuracy", "test_accuracy", "test_cycles"))
    rows.add_row("adaptive", "", *map(str, shown))
    print_table(rows)
    print_record(record, ("max_loss", "validation_images", "test_images"))
    if set(point.thresholds) == {None}:
        note(f"within this loss nothing is cheaper than {record.ladder[-1]} levels alone")
    print_record(point, ("thresholds", "test_loss", "test_cycles_to_first", "test_cycles_to_last"))
