"""`rebnet compile`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Table

from rebnet import flow
from rebnet.choices import Stage
from rebnet.cli.common import (
    ClockMhz,
    InputScale,
    RuntimeWeightsOption,
    ShellOption,
    Source,
    TargetFps,
    answer,
    complete_boards,
    complete_parts,
    print_record,
    print_table,
    table,
    working,
)

if TYPE_CHECKING:
    from rebnet.records import Folding
    from rebnet.records.folding import Predicted


def command(
    source: Source,
    output: Annotated[Path, typer.Option(help="Folder of the build.")],
    folding: Annotated[
        str | None,
        typer.Option(
            help="paper (the text's PE and SIMD), balanced, unrolled (weights are wires), a folding.json or FINN's."
        ),
    ] = None,
    target_cycles: Annotated[
        int | None, typer.Option(help="Most cycles per image that a balanced layer may take.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            help="Board to search the folding for, such as zc702: the fastest that fits.",
            autocompletion=complete_boards,
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Part, such as xc7z020, instead of a board.", autocompletion=complete_parts)
    ] = None,
    target_fps: TargetFps = None,
    max_utilisation: Annotated[
        float | None, typer.Option(help="Percent of the board's LUT, BRAM and DSP to take at most; 90 if not given.")
    ] = None,
    clock_mhz: ClockMhz = None,
    shell: ShellOption = None,
    runtime_weights: RuntimeWeightsOption = False,
    fixed_levels: Annotated[
        bool, typer.Option("--fixed-levels", help="Drop the constants for fewer than M levels.")
    ] = False,
    threshold_bits: Annotated[int, typer.Option(help="Width T of thresholds and steps.")] = 24,
    input_scale: InputScale = None,
    until: Annotated[
        Stage, typer.Option(help="Last stage: generate, or lower for the integer network only.")
    ] = "generate",
) -> None:
    """Compile a trained network to SystemVerilog, memory images and the records beside them.

    Example: [bold]rebnet compile zoo:mnist-arch-1-m2 --output build/mnist-m2[/bold]
    """
    with working("compiling") as progress:
        flow.compile(
            source,
            output,
            folding=folding,
            target_cycles=target_cycles,
            board=board,
            part=part,
            target_fps=target_fps,
            max_utilisation=max_utilisation,
            clock_mhz=clock_mhz,
            shell=shell,
            runtime_weights=runtime_weights,
            fixed_levels=fixed_levels,
            threshold_bits=threshold_bits,
            input_scale=input_scale,
            until=until,
            say=progress.say,
        )
    build = made_in(output, until)
    answer(build.record, lambda: print_build(build))


class Made(NamedTuple):
    """What `compile` has to show: bytes of packed weights, and folding.json where it went so far."""

    weight_bytes: int
    folding: "Folding | None"

    @property
    def record(self) -> dict[str, object]:
        """The figures as one object."""
        from rebnet.files import SCHEMA

        folding = {} if self.folding is None else {"schema": SCHEMA, **self.folding}
        return {"weight_bytes": self.weight_bytes, **folding}


def made_in(output: Path, until: Stage = "generate") -> Made:
    """What there is to show of the build in `output`."""
    from rebnet.paths import path_of
    from rebnet.records import Folding, StoredNetwork, read

    build = path_of(output)
    weights = read(build / StoredNetwork.FILE, StoredNetwork, needs=("weight_bytes",)).weight_bytes or 0
    return Made(weights, None if until == "lower" else read(build / Folding.FILE, Folding))


def print_build(build: Made) -> None:
    """The bytes of the weights; the foldings, what they cost in cycles, and what is expected of the device."""
    print(f"packed weights  {build.weight_bytes / 1024:.2f} KiB")
    folding = build.folding
    if folding is None:
        return
    print_table(_layers(folding))
    print_record(
        folding, ("samples_per_beat", "bound_cycles", "predicted_cycles_per_image", "predicted_latency_cycles")
    )
    if folding.predicted_resources is not None:
        _print_resources(folding, folding.predicted_resources)


def _layers(folding: "Folding") -> Table:
    """The foldings, with what each layer is expected to take where a board was named."""
    from rebnet.records.kinds import RESOURCES, listed

    modules = () if folding.predicted_resources is None else listed(folding.predicted_resources.modules)
    predicted = {module.name: module for module in modules}
    figures = RESOURCES if predicted else ()
    planes = any(layer.plane_lanes for layer in folding.layers)
    headings = {"pe": "PE", "simd": "SIMD", "level_lanes": "level lanes"}
    headings |= {"plane_lanes": "plane lanes"} if planes else {}
    headings |= {"cycles": "cycles per image"}
    rows = table("layer", *headings.values(), *figures, words=["layer"])
    for layer in folding.layers:
        own = [layer.name, *(str(layer.get(key) or 1) for key in headings)]
        rows.add_row(*own, *(str(predicted[layer.name][figure]) for figure in figures))
    return rows


def _print_resources(folding: "Folding", predicted: "Predicted") -> None:
    """The device, what of it is expected to be taken, and what the search proved."""
    from rebnet.boards import Resources, find

    part = find(predicted.part).part
    usage = part.usage(Resources.from_record(predicted.total))
    shares = [f"{name} {need} of {has} ({100 * need / has:.1f} %)" for name, (need, has) in usage.items() if has]
    print(f"predicted on {part.name}: {', '.join(shares)}")
    search = folding.search
    if search is None or search.clock_mhz is None:
        return
    rate = 1e6 * search.clock_mhz / folding.predicted_cycles_per_image
    print(f"{rate:.0f} images/s at {search.clock_mhz:g} MHz, a clock that is assumed, not measured")
    looked = "" if search.gap is None else f"{search.foldings_enumerated} foldings, "
    bounds = "" if search.gap is None else f", bound {search.bound} %, gap {search.gap} %"
    print(f"{search.proved}: {looked}largest share {search.largest_share} %{bounds}")
