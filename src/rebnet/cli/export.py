"""`rebnet export`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.choices import ExportForm, ExportTarget
from rebnet.cli.common import answer, complete_zoo, parse_levels, print_record


def command(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder that 'rebnet compile' made, of a finished training, or zoo:NAME.", autocompletion=complete_zoo
        ),
    ],
    output: Annotated[Path, typer.Option(help="File that is written, NAME.onnx.")],
    to: Annotated[
        ExportTarget, typer.Option(help="qonnx, for hls4ml, FINN and qonnx; or onnx, without operations of QONNX.")
    ] = "qonnx",
    form: Annotated[
        ExportForm | None,
        typer.Option(
            help="Of QONNX: chain, level by level, for hls4ml; multithreshold, one a size of step; or single, one a "
            "code, for FINN. chain if not given."
        ),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(help="Levels m, such as 2; of several, 1,2,3, each has a file, NAME-m1.onnx. M if not given."),
    ] = None,
    float_scores: Annotated[
        bool,
        typer.Option(
            "--float-scores", help="Round scores to float32: hls4ml and FINN read no float64, exact to the last."
        ),
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if it is there already.")] = False,
) -> None:
    """Write the integer network as a file of QONNX or ONNX, for the tools of others; its scores are equal.

    Example: [bold]rebnet export build/mnist-m2 --to qonnx --output mnist-m2.onnx[/bold]
    """
    record = flow.export(
        source,
        output,
        to=to,
        form=form,
        levels=parse_levels(levels, example="2, or 1,2,3 for a file each"),
        float_scores=float_scores,
        replace=replace,
    )

    def show() -> None:
        for file in record.files:
            print_record(file, ("file", "form", "levels", "nodes", "bytes"))

    answer(record, show)
