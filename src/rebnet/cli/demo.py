"""`rebnet demo`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from rebnet import flow
from rebnet.cli.common import errors, results
from rebnet.report import CLOCK_MHZ


def command(
    output: Annotated[Path, typer.Option(help="Folder of the runs, builds and the report.")] = Path("build/demo"),
) -> None:
    """Train, compile, prove: M = 1, 2, 3 levels on embedded handwritten digits, every held-out image through the RTL.

    Example: [bold]rebnet demo --output build/demo[/bold]
    """
    rows = flow.demo(output, say=lambda stage: errors.print(stage, highlight=False))
    results.print(table(rows))
    print(f"report: {output / 'report.json'}")
    print(f"page:   {output / 'report.html'}")
    if any(row["mismatches"] for row in rows):
        raise typer.Exit(1)


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows of a report for the terminal."""
    shown = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
        title=f"{rows[0]['network']} on {rows[0]['dataset']}",
        caption=f"accuracy in %; images/s at an assumed {CLOCK_MHZ} MHz; KiB of packed weights",
    )
    for heading in ("M", "float", "integer", "RTL", "images", "mismatches", "cycles", "bound", "images/s", "KiB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(
            str(row["levels"]),
            *(f"{row[key]:.2f}" for key in ("accuracy_float", "accuracy_integer", "accuracy_rtl")),
            str(row["images"]),
            str(row["mismatches"]),
            f"{row['cycles_per_image']:.1f}",
            str(row["bound_cycles"]),
            f"{row['images_per_second']:,}",
            f"{row['weight_kib']:.2f}",
        )
    return shown
