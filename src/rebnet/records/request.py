"""What a caller asked of a verb: kept in the record that the verb wrote, and written as a command line again.

A request holds the verb and those of its options that differ from their defaults, as they were given. It leaves out
what says no more than where the result goes and how loudly, and holds nothing of the machine or the environment.
"""

import inspect
import json
import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Annotated, Literal

from rebnet.records.form import OPTIONS
from rebnet.records.record import Record, form

Verb = Literal["train", "retrain", "compile", "evaluate", "simulate", "synthesize"]
_LEFT_OUT = frozenset({"build", "output", "resume", "quiet", "cache_dir", "say", "progress", "answered"})
FROM_PYTHON = ("margin", "image")
"""Options that the command line does not have; of others, such as a recipe, it takes no objects."""
_TO_RUNS = frozenset({"train", "retrain", "compile"})
"""Verbs that make the folder that others take."""


@form
class Request(Record):
    """What a verb was asked for: its options by their names in Python."""

    verb: Verb
    options: Annotated[Mapping[str, object], OPTIONS]


def request_of(verb: Callable[..., object], given: Mapping[str, object]) -> Request:
    """What `given`, the arguments of a call of `verb`, asks for beyond the defaults; call it with `locals()`."""
    options = {
        name: _plain(given[name])
        for name, parameter in inspect.signature(verb).parameters.items()
        if name not in _LEFT_OUT and given[name] != parameter.default
    }
    return Request(verb=verb.__name__, options=options)  # type: ignore[arg-type]


def _plain(value: object) -> object:
    """A value as JSON has it; one that JSON has no form for, as text."""
    match value:
        case None | bool() | str():
            plain: object = value
        case os.PathLike():
            plain = os.fsdecode(value)
        case Integral():
            plain = int(value)
        case Real() if math.isfinite(value):
            plain = float(value)
        case Mapping():
            plain = {str(key): _plain(inner) for key, inner in value.items()}
        case Sequence():
            plain = [_plain(inner) for inner in value]
        case _:
            plain = str(value)
    return plain


def command_line(request: Request, folder: str) -> str:
    """The command of a request, quoted for a shell.

    Args:
        request: what was asked.
        folder: where the result goes: the run of `train`, the build of all others.
    """
    verb, options = request.verb, dict(request.options)
    words = ["rebnet", verb]
    if verb not in _TO_RUNS:
        words.append(_positional(folder))
    elif "source" in options:
        words.append(_positional(str(options.pop("source"))))
    unsaid = {name: options[name] for name in options if name in FROM_PYTHON or isinstance(options[name], Mapping)}
    options = {name: value for name, value in options.items() if name not in unsaid}
    for name, value in options.items():
        words += _option(name, value)
    if verb in _TO_RUNS:
        words += _option("output", folder)
    return shlex.join(words) + (f"  # and, from Python only, {json.dumps(unsaid)}" if unsaid else "")


def _positional(value: str) -> str:
    """A folder that cannot be taken for an option."""
    return f"./{value}" if value.startswith("-") else value


def _option(name: str, value: object) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    shown = ",".join(map(_number, value)) if isinstance(value, list) else _number(value)
    return [f"{flag}={shown}"] if shown.startswith("-") else [flag, shown]


def _number(value: object) -> str:
    """A value as a person writes it: 200, not 200.0."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
