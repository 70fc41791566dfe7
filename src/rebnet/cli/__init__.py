"""The command line: one file per verb; each parses, calls the function of the same name in `rebnet.flow`, prints.

Figures go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the RTL or an engine and the integer
network differ, 2 bad input (one sentence, no traceback), 130 interrupted.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from rebnet.cli import build, demo, evaluate, generate, report, reproduce, retrain, simulate, synthesize, train
from rebnet.cli import compile as compile_verb
from rebnet.errors import RebnetError

app = typer.Typer(
    name="rebnet",
    help="Residual binarized neural networks: PyTorch to streaming FPGA accelerators, proved equal.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _interruptible(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb`, with one sentence where Ctrl-C ends it; left to typer it would end without a word."""

    @wraps(verb)
    def command(*arguments: Any, **options: Any) -> None:
        try:
            verb(*arguments, **options)
        except KeyboardInterrupt:
            print("rebnet: interrupted; no record was written", file=sys.stderr)
            raise typer.Exit(130) from None

    return command


app.command("train", no_args_is_help=True)(_interruptible(train.command))
app.command("retrain", no_args_is_help=True)(_interruptible(retrain.command))
app.command("compile", no_args_is_help=True)(_interruptible(compile_verb.command))
app.command("generate", no_args_is_help=True)(_interruptible(generate.command))
app.command("evaluate", no_args_is_help=True)(_interruptible(evaluate.command))
app.command("simulate", no_args_is_help=True)(_interruptible(simulate.command))
app.command("synthesize", no_args_is_help=True)(_interruptible(synthesize.command))
app.command("report", no_args_is_help=True)(_interruptible(report.command))
app.command("reproduce", no_args_is_help=True)(_interruptible(reproduce.command))
app.command("build", no_args_is_help=True)(_interruptible(build.command))
app.command("demo")(_interruptible(demo.command))


def main() -> None:
    """Run the command line; turn errors into one sentence and an exit code."""
    try:
        app(prog_name="rebnet")
    except RebnetError as error:
        print(f"rebnet: {error}", file=sys.stderr)
        sys.exit(2)
