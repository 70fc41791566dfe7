"""`rebnet simulate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli import streams
from rebnet.cli.common import (
    Build,
    CacheDir,
    DataDir,
    DatasetName,
    answer,
    parse_images,
    parse_levels,
    print_record,
    working,
)


def command(
    build: Build,
    dataset: DatasetName,
    images: Annotated[str, typer.Option(help="How many test images, or all.")] = "all",
    levels: Annotated[
        str | None, typer.Option(help="Levels of the images in turn, such as 2 or 3,1,2; M if not given.")
    ] = None,
    stalls: Annotated[
        int | None, typer.Option(help="Seed of random idle and backpressure on both streams; none if not given.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Copies of the accelerator at once; one per core if not given.")
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="Waveform to write, FILE.fst or FILE.vcd, in one process.")] = None,
    trees: Annotated[
        bool, typer.Option("--trees", help="Simulate the counting trees bit by bit, as synthesised; much slower.")
    ] = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="Run what rtl/ and mem/ hold, though it is not what was generated.")
    ] = False,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
) -> None:
    """Send test images through the RTL under Verilator and compare every score with the integer network's.

    Example: [bold]rebnet simulate build/mnist-m2 --dataset mnist --images all --stalls 7[/bold]
    """
    count, wanted = parse_images(images), parse_levels(levels)
    if edited:
        streams.complain(
            f"warning: --edited: what {build}/rtl and {build}/mem hold is compiled and run, whoever wrote it"
        )
    with working("loading", count) as progress:
        simulation = flow.simulate(
            build,
            dataset,
            data_dir=data_dir,
            images=count,
            levels=wanted,
            stalls=stalls,
            processes=processes,
            trace=trace,
            trees=trees,
            edited=edited,
            cache_dir=cache_dir,
            say=progress.say,
            progress=progress.advance,
        )
    answer(simulation.record, lambda: print_simulation(simulation.record))
    if simulation.record.edited:
        files = ", ".join(simulation.record.edited)
        streams.complain(f"warning: this proves nothing of the network: edited files ran: {files}")
    if simulation.mismatches:
        raise typer.Exit(1)


def print_simulation(record: Mapping[str, object]) -> None:
    """The figures of simulation.json."""
    print_record(
        record,
        (
            "images", "labels", "levels", "stalls", "mismatches", "accuracy", "error", "cycles_per_image",
            "bound_cycles", "latency_cycles", "simulated_cycles_per_second",
        ),
    )  # fmt: skip
