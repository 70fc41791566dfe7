"""The option tables of docs/reference/cli.md, made from the command line itself.

    python -m tests.docs.cli_tables

writes them into the page again, between its markers; `test_reference.py` holds them equal.
"""

import re
from inspect import unwrap
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer

from rebnet.cli.app import SHARED, app

from .pages import DOCS

PAGE = DOCS / "reference" / "cli.md"
_SECTION = re.compile(r"(<!-- (\w+): made by tests/docs/cli_tables.py -->\n).*?(<!-- end -->)", re.DOTALL)
_KINDS: dict[Any, str] = {str: "text", int: "whole number", float: "number", Path: "path", bool: "flag"}
_KINDS |= {kind | None: name for kind, name in _KINDS.items()}
_KINDS[list[Path]] = "paths"
_KINDS[list[str] | None] = "text, may be repeated"
_MARKUP = re.compile(r"\[/?bold\]")


def verb(name: str) -> str:
    """Description and table of one verb, as Markdown."""
    command = typer.main.get_command(app).commands[name]
    text, *examples = _MARKUP.sub("", command.help or "").split("Example: ")
    kinds = get_type_hints(unwrap(command.callback), include_extras=True)
    rows = [
        _row(parameter, _kind(get_args(kinds[parameter.name])[0]))
        for parameter in command.params
        if parameter.name not in SHARED
    ]
    return "\n".join(
        (
            "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")),
            "```console",
            *(f"$ {example.strip()}" for example in examples),
            "```",
            "| | value | default | |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )


def _kind(annotation: Any) -> str:
    """What an option's value is, in words; the choices themselves where there are any."""
    annotation = next((one for one in get_args(annotation) if get_origin(one) is Literal), annotation)  # or None
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    return _KINDS[annotation]


def _row(parameter: Any, kind: str) -> str:
    argument = parameter.param_type_name == "argument"
    name = f"`{parameter.name.upper()}`" if argument else ", ".join(f"`{option}`" for option in parameter.opts)
    value = "" if kind == "flag" else kind
    default = (
        "required"
        if parameter.required
        else ""
        if parameter.default is None or parameter.default is False
        else f"`{parameter.default}`"
    )
    variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    return f"| {name} | {value} | {default} | {' '.join((parameter.help or '').split())}{variable} |"


def page(text: str) -> str:
    """`text` with every section between markers made again."""
    return _SECTION.sub(lambda match: f"{match[1]}{verb(match[2])}{match[3]}", text)


def verbs(text: str) -> list[str]:
    """The verbs that have a section."""
    return [match[2] for match in _SECTION.finditer(text)]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
