"""`rebnet synthesize`."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from rebnet import flow
from rebnet.choices import MODULE_TIMEOUT_S, PLACE_TIMEOUT_S, Synthesizer, Timing
from rebnet.cli.common import (
    Build,
    CacheDir,
    answer,
    complete_boards,
    complete_parts,
    note,
    print_record,
    print_table,
    table,
    working,
)
from rebnet.errors import ToolError
from rebnet.flow.whole import broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rebnet.records import Synthesis
    from rebnet.records.synthesis import Placed, UnitTiming

_FACTS = ("tool", "modules_synthesized", "modules_cached", "seconds", "fmax_mhz")
_FIGURES = ("LUT", "LC", "FF", "BRAM_36K", "BRAM_18K", "DSP")
_AVAILABLE = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")


def command(
    build: Build,
    part: Annotated[
        str | None, typer.Option(help="Part, such as xc7s50 or lfe5u-85f.", autocompletion=complete_parts)
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(help="Board, such as zc702 or ulx3s-85, instead of a part.", autocompletion=complete_boards),
    ] = None,
    tool: Annotated[
        Synthesizer, typer.Option(help="yosys, or vivado: a project for it, which runs where vivado is on PATH.")
    ] = "yosys",
    timing: Annotated[
        Timing | None,
        typer.Option(help="Time each unit alone, on an ECP5: its levels of logic, or routed, nanoseconds too."),
    ] = None,
    place_and_route: Annotated[
        bool, typer.Option("--place-and-route", help="Go on to the clock that a board reaches and its bitstream.")
    ] = False,
    target_mhz: Annotated[
        float | None, typer.Option(help="Clock that place and route aims at, MHz; the board's if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the placement.")] = 1,
    scores: Annotated[bool, typer.Option(help="Whether the board answers with scores and label, or the label.")] = True,
    place_timeout: Annotated[
        float, typer.Option(help="Most seconds that one tool of place and route may take.")
    ] = PLACE_TIMEOUT_S,
    timeout: Annotated[float, typer.Option(help="Most seconds that one module may take.")] = MODULE_TIMEOUT_S,
    processes: Annotated[
        int | None, typer.Option(help="Modules that are synthesized at once; one per core if not given.")
    ] = None,
    cache_dir: CacheDir = None,
    edited: Annotated[
        bool, typer.Option("--edited", help="Take rtl/ and mem/ as they are, also where they were edited.")
    ] = False,
) -> None:
    """Synthesize with Yosys, module by module; count LUT, FF, block RAM and multipliers against the device.

    Example: [bold]rebnet synthesize build/mnist-m2 --part xc7s50[/bold]
    Example: [bold]rebnet synthesize build/mnist-m1 --board ulx3s-85 --place-and-route[/bold]
    """
    from rebnet.records.synthesis import VivadoProject

    with working("synthesizing", unit="modules") as progress:

        def tell(stage: str, done: int, total: int) -> None:
            progress.to(done, total or None)
            progress.say(f"synthesizing {stage}" if total else stage)

        record = flow.synthesize(
            build,
            part=part,
            board=board,
            tool=tool,
            timing=timing,
            place_and_route=place_and_route,
            target_mhz=target_mhz,
            seed=seed,
            scores=scores,
            place_timeout=place_timeout,
            timeout=timeout,
            processes=processes,
            cache_dir=cache_dir,
            edited=edited,
            progress=tell,
        )
    if isinstance(record, VivadoProject):
        answer(record, lambda: None)
        raise ToolError(
            f"vivado is not on PATH, so nothing was synthesized; wrote the project {record.project}, run it where "
            f"Vivado is installed: {record.command}"
        )
    if record.edited:
        note(f"rebnet: warning: {build}: its edited files were synthesized, not what its network generates")
    answer(record, lambda: print_synthesis(record))
    if broken(record):
        raise typer.Exit(1)


def print_synthesis(record: "Synthesis") -> None:
    """The figures of synthesis.json."""
    print_table(_table(record))
    print_record(record, tuple(key for key in _FACTS if key in record))
    print(_verdict(record))
    if record.timing is not None:
        print_table(_timing(record.timing))
    if record.place_and_route is not None:
        _print_placed(record.place_and_route)


def _table(record: "Synthesis") -> Table:
    from rebnet.records.kinds import listed

    total, device = record.total, record.device
    figures = [key for key in _FIGURES if total.get(key) or device.get(key)]
    shares = {"BRAM_36K" if device.BRAM_36K else "BRAM_18K": "BRAM"}
    percent = [(record.utilisation or {}).get(shares.get(key, key)) for key in figures]
    rows = table("instance", "module", *figures, words=["instance", "module"])
    for module in listed(record.modules):
        rows.add_row(module.name or "", module.module or "", *(str(module[key]) for key in figures))
    rows.add_section()
    rows.add_row("total", "", *(str(total[key]) for key in figures))
    rows.add_row(record.part, "", *(str(device.get(key, "")) for key in figures))
    rows.add_row("used %", "", *("" if share is None else f"{share:.1f}" for share in percent))
    return rows


def _timing(units: "Sequence[UnitTiming]") -> Table:
    routed = any(unit.routed is not None for unit in units)
    figures = ["levels", *(["ns", "cells ns"] if routed else [])]
    rows = table("unit", "module", *figures, "longest path", words=["unit", "module", "longest path"])
    for unit in units:
        others = f" and {len(unit.names) - 1} more" if len(unit.names) > 1 else ""
        times = [] if unit.routed is None else [f"{unit.routed.ns:.2f}", f"{unit.routed.logic_ns:.2f}"]
        rows.add_row(f"{unit.names[0]}{others}", unit.module, str(unit.levels), *times, unit.passed)
    return rows


def _print_placed(placed: "Placed") -> None:
    """What place and route reached, one figure a line."""
    used, available, path = placed.used, placed.available, placed.longest_path
    shares = [f"{key} {used[key]} of {available[key]}" for key in _AVAILABLE if available[key]]
    line = "" if placed.baud is None else f", serial line {placed.baud} baud"
    print_record(
        {
            "placed and routed": ", ".join(shares) + f", seed {placed.seed}",
            "fmax": f"{placed.fmax_mhz} MHz, aimed at {placed.target_mhz:g} MHz",
            "longest path": path.in_words if path else "none in nextpnr's report",
            "clock": f"{placed.clock_mhz} MHz{line}",
            "bitstream": f"{placed.bitstream}, {placed.bitstream_bytes} bytes",
            "seconds": ", ".join(f"{name} {seconds}" for name, seconds in placed.seconds.items()),
        },
        ("placed and routed", "fmax", "longest path", "clock", "bitstream", "seconds"),
    )


def _verdict(record: "Synthesis") -> str:
    name = record.part if record.board == record.part else f"{record.board} ({record.part})"
    if record.fits:
        return f"fits {name}{_limit(record)}"
    lacks = "; ".join(
        f"{lack.resource}: {lack.needed} of {lack.available}, {lack.needed - lack.available} too many"
        for lack in record.shortages or ()
    )
    others = ", ".join(record.boards_that_fit or ()) or "none of the boards that rebnet knows"
    return f"does not fit {name}: {lacks}\nwould fit: {others}"


def _limit(record: "Synthesis") -> str:
    """What the count says of the limit that the folding was chosen for; nothing where there was none."""
    limit = record.limit
    if not limit:
        return ""
    if not broken(record):
        return f" within the {limit.max_utilisation:g} % that were asked for"
    return (
        f", but not as asked: {broken(record)}\n"
        "'rebnet build' searches again with what was counted; or compile with a smaller --max-utilisation"
    )
