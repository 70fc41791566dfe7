"""`rebnet explain`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from rebnet import flow
from rebnet.cli.common import answer, complete_boards, complete_parts, note, print_table, table


def command(
    source: Annotated[
        str, typer.Argument(help="Name of a method, as 'rebnet list methods' shows them, or folder of a training.")
    ],
    network: Annotated[
        str | None, typer.Option(help="Name or text of a network, to count on; the training's own of a training.")
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="Board to count for; zc702 if none is given.", autocompletion=complete_boards)
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Part, such as xc7z020, instead of a board.", autocompletion=complete_parts)
    ] = None,
    levels: Annotated[int | None, typer.Option(help="Levels M; the training's own, else 1.")] = None,
    threshold_bits: Annotated[int, typer.Option(help="Width of thresholds and steps.")] = 24,
) -> None:
    """Say what a method of binarization costs at inference, part by part, and on a network how much.

    H1 costs nothing, H2 takes an integer unit more, H3 takes what hardware does not have.

    Example: [bold]rebnet explain reactnet --network resnet-20 --board zc702[/bold]
    """
    found = flow.explain(
        source, network=network, board=board, part=part, levels=levels, threshold_bits=threshold_bits, say=note
    )
    answer(found, lambda: _print(found))


def _print(found: Mapping[str, Any]) -> None:
    print(f"{found['title']} ({found['source']}): {found['at_inference']}")
    print(found["sentence"])
    parts = table("place", "part", "what it is", "class", "at inference", words=("what it is", "at inference"))
    for row in found["parts"]:
        parts.add_row(row["place"], row["part"], row["is"], row["at_inference"], row["why"])
    print_table(parts)
    if "network" in found:
        print(f"{found['network']}, M = {found['levels']}")
    if "units" in found:
        print(f"on {found['board']}, by the cost model, not trained:")
        _print_units(found["taken"], found["units"])
    if "run_time" in found:
        print("what hardware does not have, per image, counted from the shapes:")
        _print_run_time(found["run_time"])


def _print_units(taken: Mapping[str, int], rows: Sequence[Mapping[str, Any]]) -> None:
    shown = table("", *taken, "modules", words=("modules",))
    for row in rows:
        modules = ", ".join(f"{count} {name}" for name, count in row["modules"].items())
        shown.add_row(row["is"], *(f"{row[key]:+,}" for key in taken), modules)
    shown.add_row("all", *(f"{value:,}" for value in taken.values()), "")
    print_table(shown)


def _print_run_time(rows: Sequence[Mapping[str, Any]]) -> None:
    shown = table("part", "additions", "multiplications", "held KiB", "passes", "operation", words=("operation",))
    for row in rows:
        held = f"{row['held_bits'] / 8192:,.2f}"
        counts = (f"{row['additions']:,}", f"{row['multiplications']:,}", held, str(row["passes"]))
        shown.add_row(row["part"], *counts, row["operation"])
    print_table(shown)
