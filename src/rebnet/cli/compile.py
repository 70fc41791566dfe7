"""`rebnet compile`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from rebnet import flow
from rebnet.cli.common import errors, print_record, results
from rebnet.files import read_record


def command(
    source: Annotated[
        str, typer.Argument(help="Folder of a finished training, or zoo:NAME (for example zoo:mnist-arch-1-m2).")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the build.")],
    folding: Annotated[
        str | None,
        typer.Option(help="paper (the text's PE and SIMD), balanced, or a folding.json; text's else balanced."),
    ] = None,
    target_cycles: Annotated[
        int | None, typer.Option(help="Most cycles per image that a balanced layer may take.")
    ] = None,
    fixed_levels: Annotated[
        bool, typer.Option("--fixed-levels", help="Drop the constants for fewer than M levels.")
    ] = False,
    threshold_bits: Annotated[int, typer.Option(help="Width T of thresholds and steps.")] = 24,
    until: Annotated[
        flow.Stage, typer.Option(help="Last stage: generate, or lower for the integer network only.")
    ] = "generate",
) -> None:
    """Compile a trained network to SystemVerilog, memory images and the records beside them.

    Example: [bold]rebnet compile zoo:mnist-arch-1-m2 --output build/mnist-m2[/bold]
    """
    with errors.status("compiling") as status:
        network = flow.compile(
            source,
            output,
            folding=folding,
            target_cycles=target_cycles,
            fixed_levels=fixed_levels,
            threshold_bits=threshold_bits,
            until=until,
            say=status.update,
        )
    print(f"packed weights  {network.weight_bytes / 1024:.2f} KiB")
    if until == "lower":
        return
    record = read_record(output / "folding.json", {"layers": list, "fifos": list, "samples_per_beat": int})
    table = Table("layer", "PE", "SIMD", "level lanes", "cycles per image")
    for layer in record["layers"]:
        table.add_row(*(str(layer[key]) for key in ("name", "pe", "simd", "level_lanes", "cycles")))
    results.print(table)
    print_record(record, ("samples_per_beat", "bound_cycles", "predicted_cycles_per_image", "predicted_latency_cycles"))
