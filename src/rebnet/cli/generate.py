"""`rebnet generate`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.choices import GenerateTarget
from rebnet.cli.common import Build, answer, print_record
from rebnet.errors import OptionError


def command(
    build: Build,
    target: Annotated[
        GenerateTarget, typer.Option(help="c, for a processor; or rtl, the SystemVerilog of the build once more.")
    ],
    output: Annotated[Path | None, typer.Option(help="Folder of the C; BUILD/c if not given.")] = None,
    name: Annotated[
        str | None, typer.Option(help="What the files and functions of the C are named after; network if not given.")
    ] = None,
) -> None:
    """Write the integer network of a build as one C file and its header, or its SystemVerilog once more.

    Example: [bold]rebnet generate build/mnist-m2 --target c[/bold]
    """
    if target == "rtl" and name is not None:
        raise OptionError(f"--name {name}: names the files of the C; leave it out")
    record = flow.generate(build, target=target, output=output, name=name)
    keys = ("source", "header", "constant_bytes", "memory_bytes") if target == "c" else ("top",)
    answer(record, lambda: print_record(record, keys))
