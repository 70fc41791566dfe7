"""`rebnet synthesize`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from rebnet import flow
from rebnet.boards import KEYS
from rebnet.cli.common import Build, errors, print_record, results

_FIGURES = ("LUT", "LC", *KEYS[1:])


def command(
    build: Build,
    part: Annotated[str | None, typer.Option(help="Part, such as xc7s50 or lfe5u-85f.")] = None,
    board: Annotated[str | None, typer.Option(help="Board, such as zc702 or ulx3s-85, instead of a part.")] = None,
    timeout: Annotated[float, typer.Option(help="Most seconds that one module may take.")] = flow.DEFAULT_TIMEOUT_S,
    processes: Annotated[
        int | None, typer.Option(help="Modules that are synthesized at once; one per core if not given.")
    ] = None,
    cache_dir: Annotated[
        Path | None,
        typer.Option(envvar="REBNET_CACHE_DIR", help="Folder of kept results; the user's cache if not given."),
    ] = None,
) -> None:
    """Synthesize with Yosys, module by module; count LUT, FF, block RAM and multipliers against the device.

    Example: [bold]rebnet synthesize build/mnist-m2 --part xc7s50[/bold]
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("synthesizing", total=None)
        record = flow.synthesize(
            build,
            part=part,
            board=board,
            timeout_s=timeout,
            processes=processes,
            cache_dir=cache_dir,
            progress=lambda module, done, total: progress.update(
                task, description=f"synthesizing {module}", completed=done, total=total or None
            ),
        )
    results.print(_table(record))
    print_record(record, ("tool", "modules_synthesized", "modules_cached", "seconds"))
    print(_verdict(record))


def _table(record: dict[str, Any]) -> Table:
    total, device = record["total"], record["device"]
    figures = [key for key in _FIGURES if total[key] or device.get(key)]
    shares = {"BRAM_36K" if device["BRAM_36K"] else "BRAM_18K": "BRAM"}
    percent = [record["utilisation"].get(shares.get(key, key)) for key in figures]
    table = Table("instance", "module", *(Column(key, justify="right") for key in figures))
    for module in record["modules"]:
        table.add_row(module["name"], module["module"], *(str(module[key]) for key in figures))
    table.add_section()
    table.add_row("total", "", *(str(total[key]) for key in figures))
    table.add_row(record["part"], "", *(str(device.get(key, "")) for key in figures))
    table.add_row("used %", "", *("" if share is None else f"{share:.1f}" for share in percent))
    return table


def _verdict(record: dict[str, Any]) -> str:
    name = record["board"] if record["board"] == record["part"] else f"{record['board']} ({record['part']})"
    if record["fits"]:
        return f"fits {name}"
    lacks = "; ".join(
        f"{lack['resource']}: {lack['needed']} of {lack['available']}, {lack['needed'] - lack['available']} too many"
        for lack in record["shortages"]
    )
    others = ", ".join(record["boards_that_fit"]) or "none of the boards that rebnet knows"
    return f"does not fit {name}: {lacks}\nwould fit: {others}"
