"""The verbs by name, and what all of them share: `--json`, `--quiet`, `--verbose`, and sentences for wrong usage.

A verb's module imports what it needs when it runs: help and refusals come at once.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from rebnet.cli import (
    build,
    demo,
    evaluate,
    explain,
    export,
    generate,
    importing,
    report,
    reproduce,
    retrain,
    simulate,
    streams,
    sweep,
    synthesize,
    train,
)
from rebnet.cli import compile as compile_verb
from rebnet.cli import list as list_verb
from rebnet.cli.common import speak

_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""What the parser raises for a wrong option or argument; typer hands only its child out."""

SHARED = {
    "json": Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document, and nothing else.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Print figures and errors only, no progress.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Print the commands of other tools too.")],
}
"""Options of every verb that prints figures, after its own."""


def _verb(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the shared options, which it does not see."""
    own = inspect.signature(command, eval_str=True)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in SHARED.items()
    ]

    @wraps(command)
    def verb(*arguments: object, **options: object) -> None:
        speak(**{name: bool(options.pop(name)) for name in SHARED})
        command(*arguments, **options)

    del verb.__wrapped__  # its signature is not this one
    verb.__signature__ = own.replace(parameters=[*own.parameters.values(), *shared])  # type: ignore[attr-defined]
    verb.__annotations__ = {**command.__annotations__, **SHARED}
    return verb


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"rebnet {version('rebnet')}")
        raise typer.Exit


app = typer.Typer(
    name="rebnet",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def _rebnet(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Residual binarized neural networks: PyTorch to streaming FPGA accelerators, proved equal."""


for _name, _module in {
    "train": train,
    "retrain": retrain,
    "import": importing,
    "compile": compile_verb,
    "generate": generate,
    "export": export,
    "evaluate": evaluate,
    "simulate": simulate,
    "synthesize": synthesize,
    "report": report,
    "reproduce": reproduce,
    "build": build,
    "sweep": sweep,
    "list": list_verb,
    "explain": explain,
    "demo": demo,
}.items():
    app.command(_name, no_args_is_help=_name != "demo")(_verb(_module.command))


def run(arguments: Sequence[str]) -> int:
    """Run the verb that `arguments` name; return the exit code, and let every error but wrong usage out."""
    if "_REBNET_COMPLETE" in os.environ:  # a shell asks what could come next
        app(prog_name="rebnet")
    command = typer.main.get_command(app)
    try:
        with command.make_context("rebnet", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except _USAGE_ERROR as error:
        return _explain(error)
    return 0


def _explain(error: Any) -> int:
    """Wrong usage as one sentence; the help where nothing at all was said."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return 2
    path = error.ctx.command_path if error.ctx is not None else "rebnet"
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    streams.complain(f"{message[:1].lower()}{message[1:]}; see '{path} --help'")
    return 2
