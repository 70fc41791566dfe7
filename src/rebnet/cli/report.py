"""`rebnet report`."""

from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import answer


def command(
    builds: Annotated[list[Path], typer.Argument(help="Folders that 'rebnet compile' made.")],
    output: Annotated[
        Path | None,
        typer.Option(help="The page, FILE.html; report.html in the build, or for several build/report.html."),
    ] = None,
) -> None:
    """Write one HTML page that works offline: of an accelerator, or of a sweep where several builds are named.

    Example: [bold]rebnet report build/mnist-m2[/bold]
    """
    page = flow.report(builds, output)
    answer({"page": str(page)}, lambda: print(page))
