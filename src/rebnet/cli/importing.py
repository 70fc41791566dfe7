"""`rebnet import`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import InputScale, answer, print_table, table


def command(
    model: Annotated[Path, typer.Argument(help="Model of another framework: a QONNX or FINN-ONNX file, FILE.onnx.")],
    input_scale: InputScale = None,
) -> None:
    """Show what a model of another framework becomes, node by node. Nothing is written; compile takes the same file.

    Example: [bold]rebnet import model.onnx[/bold]
    """
    imported = flow.import_(model, input_scale=input_scale)
    record = {
        "network": imported.text,
        "levels": imported.network.levels,
        "nodes": [dict(node) for node in imported.recognised],
    }

    def show() -> None:
        rows = table("node", "became", words=["node", "became"])
        for node in imported.recognised:
            rows.add_row(node.node, node.became)
        print_table(rows)
        print(f"{imported.text}, M = {imported.network.levels}; nothing was written, 'rebnet compile {model}' does")

    answer(record, show)
