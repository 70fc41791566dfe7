"""`rebnet list`."""

from typing import Annotated

import typer

from rebnet import flow
from rebnet.choices import Kind
from rebnet.cli.common import answer, print_table, table
from rebnet.flow.catalogue import Listed


def command(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
) -> None:
    """List what there is by name: networks of the zoo, boards, parts, recipes, data sets, methods.

    Example: [bold]rebnet list boards[/bold]
    """
    rows = flow.list_(kind)
    answer(rows, lambda: _print(rows))


def _print(rows: list[Listed]) -> None:
    if list(rows[0]) == ["name"]:
        for row in rows:
            print(row["name"])
        return
    words = [key for key, value in rows[0].items() if isinstance(value, str)]
    shown = table(*rows[0], words=words)
    for row in rows:
        shown.add_row(*map(str, row.values()))
    print_table(shown)
