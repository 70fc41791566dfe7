"""`rebnet reproduce`."""

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table as Shown

from rebnet import flow
from rebnet.choices import Target
from rebnet.cli.common import DataDir, Device, answer, note, print_table, quiet, resumable

if TYPE_CHECKING:
    from rebnet.reproduce.table import Table


def command(
    target: Annotated[Target, typer.Argument(help="The table, figure or study.")],
    dataset: Annotated[
        str | None, typer.Option(help="Only this data set; all that the records hold if not given.")
    ] = None,
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", help="Folder of a run or a build, or zoo:NAME; the whole zoo if not given."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of the table, the record and the pictures.")] = Path(
        "build/reproduce"
    ),
    train: Annotated[
        Path | None, typer.Option(help="Of a study: train what is missing in this folder of runs first.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of --train: epochs of every row; 20 if not given.")] = None,
    rows: Annotated[
        list[str] | None, typer.Option("--rows", help="Of --train: this row alone; all if not given.")
    ] = None,
    device: Device = "auto",
    data_dir: DataDir = None,
) -> None:
    """Make a table, figure or study from records of trainings and builds, beside the published numbers.

    Example: [bold]rebnet reproduce table3 --dataset mnist[/bold]
    """
    with resumable(train or output, "the same command"):
        made = flow.reproduce(
            target,
            output,
            dataset=dataset,
            from_=from_ or (),
            train=train,
            epochs=epochs,
            rows=rows or (),
            data_dir=data_dir,
            device=device,
            quiet=quiet(),
            say=note,
        )
    files = [str(output / f"{target}.{kind}") for kind in ("json", "md", "svg", "png")]
    answer({**made.record, "files": files}, lambda: _print(made.table, files))
    if made.table.missing:
        note("not measured yet; these commands do it:")
        for line in made.table.missing:
            note(f"  {line}")


def _print(table: "Table", files: list[str]) -> None:
    print_table(shown(table))
    for file in files:
        print(file)


def shown(table: "Table") -> Shown:
    """The table for the terminal."""
    result = Shown(
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
        title=table.title,
        caption=table.caption,
        caption_justify="left",
    )
    numbers = [all(_is_number(row[place]) for row in table.rows) for place in range(len(table.headings))]
    for heading, is_number in zip(table.headings, numbers, strict=True):
        result.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=is_number or heading in ("data set", "by"),
            overflow="fold",
        )
    for row, following in zip_longest(table.rows, table.rows[1:]):
        result.add_row(*row, end_section=following is not None and row[0] != following[0])
    return result


def _is_number(cell: str) -> bool:
    return not cell or cell[0].isdecimal()
