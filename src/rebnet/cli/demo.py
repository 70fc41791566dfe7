"""`rebnet demo`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from rebnet import flow
from rebnet.cli.common import CacheDir, answer, note, print_table, quiet

if TYPE_CHECKING:
    from rebnet.records.report import Row


def command(
    output: Annotated[Path, typer.Option(help="Folder of the runs, builds and the report.")] = Path("build/demo"),
    cache_dir: CacheDir = None,
) -> None:
    """Train, compile, prove: M = 1, 2, 3 levels on embedded handwritten digits, every held-out image through the RTL.

    Example: [bold]rebnet demo --output build/demo[/bold]
    """
    rows = flow.demo(output, cache_dir=cache_dir, quiet=quiet(), say=note)
    answer({"rows": rows, "page": str(output / "report.html")}, lambda: _print(rows, output))
    if any(row.mismatches for row in rows):
        raise typer.Exit(1)


def _print(rows: "Sequence[Row]", output: Path) -> None:
    print_table(table(rows))
    print(f"report: {output / 'report.json'}")
    print("next:   rebnet compile zoo:mnist-arch-1-m2 --output build/mnist-m2")
    print('        rebnet train --network "8x8x1 - D32 - D10" --dataset digits --levels 2 --output runs/mine')
    print(f"page:   {(output / 'report.html').resolve()}")


def table(rows: "Sequence[Row]") -> Table:
    """The rows of a report for the terminal."""
    from rebnet.report import CLOCK_MHZ

    shown = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
        title=f"{rows[0].network} on {rows[0].dataset}",
        caption=f"accuracy in %; images/s at an assumed {CLOCK_MHZ} MHz; KiB of packed weights",
    )
    for heading in ("M", "float", "integer", "RTL", "images", "mismatches", "cycles", "bound", "images/s", "KiB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(
            str(row.levels),
            *(f"{row[key]:.2f}" for key in ("accuracy_float", "accuracy_integer", "accuracy_rtl")),
            str(row.images),
            str(row.mismatches),
            f"{row.cycles_per_image:.1f}",
            str(row.bound_cycles),
            f"{row.images_per_second:,}",
            f"{row.weight_kib:.2f}",
        )
    return shown
