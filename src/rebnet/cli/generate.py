"""`rebnet generate`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.choices import GenerateTarget
from rebnet.cli.common import Build, RuntimeWeightsOption, answer, complete_boards, complete_zoo, note, print_record
from rebnet.errors import OptionError

_SHOWN: dict[GenerateTarget, tuple[str, ...]] = {
    "c": ("source", "header", "constant_bytes", "memory_bytes"),
    "rtl": ("top",),
    "axi": ("top", "board", "network"),
    "weights": ("words", "checksum", "shape", "network"),
    "deploy": ("folder", "files", "network"),
    "litex": ("folder", "network"),
    "zynq": ("project", "board", "part", "clock_mhz", "ip", "deploy", "bitstream", "command"),
}


def command(
    build: Build,
    target: Annotated[
        GenerateTarget,
        typer.Option(
            help="c, for a processor; rtl, the SystemVerilog of the build once more; axi, its shell for a DMA; "
            "weights, the words of a network for RTL with --runtime-weights; deploy, what PYNQ needs of the shell; "
            "litex, the RTL for a LiteX SoC; or zynq, a project of Vivado that makes a board's bitstream, with deploy."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the C, the words or the files for a board; BUILD/c, weights, deploy or litex if not given."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the files and functions of the C are named after; network if not given.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            help="Board that the shell must fit, or that the project is for, such as pynq-z2.",
            autocompletion=complete_boards,
        ),
    ] = None,
    runtime_weights: RuntimeWeightsOption = False,
    network: Annotated[
        str | None,
        typer.Option(
            help="Build of the network whose words are written, or zoo:NAME; the build's own if not given.",
            autocompletion=complete_zoo,
        ),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Run the project in Vivado, which must be on PATH; with --target zynq.")
    ] = False,
) -> None:
    """Write the network of a build as one C file and its header, its SystemVerilog once more, or what goes with that.

    Example: [bold]rebnet generate build/mnist-m2 --target c[/bold]
    Example: [bold]rebnet generate build/mnist-m2 --target zynq --board pynq-z2[/bold]
    """
    if target == "rtl" and name is not None:
        raise OptionError(f"--name {name}: names the files of the C; leave it out")
    record = flow.generate(
        build,
        target=target,
        output=output,
        name=name,
        board=board,
        runtime_weights=runtime_weights,
        network=network,
        run=run,
        say=note,
    )
    keys = _SHOWN[target]
    answer(record, lambda: print_record(record, keys))
