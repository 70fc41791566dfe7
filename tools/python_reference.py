"""Write docs/reference/python.md from the public docstrings of the rooms that programs may call.

    .venv/bin/python tools/python_reference.py

Sources are read, not imported, so that no extra is needed. Verbs and what they return are given whole, all else by its
signature and the first paragraph. A name that begins with `_` is nobody's. `tests/docs/test_python_reference.py` holds
the page equal to the code.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PAGE = ROOT / "docs" / "reference" / "python.md"
WHOLE = ("rebnet", "rebnet.flow", "rebnet.records", "rebnet.engine.connection", "rebnet.engine.predictor")
"""Modules whose docstrings are given whole; of packages, what `__init__.py` hands on."""
ROOMS = ("datasets", "spec", "ir", "methods", "nn", "export", "lower", "stages", "fold", "boards", "errors")
HEAD = """\
# Python

Made from the docstrings by `python tools/python_reference.py`. What is listed here may be called by other programs; all
else of `rebnet` is the project's own. The package is typed (`py.typed`), so an editor knows the same.

[The verbs on the command line](cli.md) have the same names and options.

A verb returns [the record](records.md) that it writes, frozen: `record.accuracy`, or by its key `record["accuracy"]`.
It is no `dict`: `dict(record)` is one, with dictionaries and lists all the way, and `json.dumps(record, default=dict)`
its text. `rebnet.records.read(path, Evaluation)` reads one from a file.
"""
_LINE = 76  # characters that the site shows of a line
_DEFAULT = re.compile(r"(: [^,=]*(?:\[[^=]*?\])?[^,=]*)=")
_QUOTED = re.compile(r'"((?:list\[)?[A-Z][a-z][\w\[\], |]*)"')
"""A type that is imported later, if at all."""
Definition = ast.FunctionDef | ast.ClassDef


def path_of(module: str) -> Path:
    """The file of a module or package."""
    place = SOURCE / Path(*module.split("."))
    package = place / "__init__.py"
    return package if package.is_file() else place.with_suffix(".py")


def modules(room: str) -> Iterator[str]:
    """The modules of a room, the package itself first."""
    path = path_of(f"rebnet.{room}")
    files = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    for file in sorted(files, key=lambda file: (file.parent.parts, file.name != "__init__.py", file.name)):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        if not any(part.startswith("_") and part != "__init__" for part in parts):
            yield ".".join(parts).removesuffix(".__init__")


def public(module: str) -> list[Definition]:
    """Public functions and classes that a module defines, in order."""
    body = ast.parse(path_of(module).read_text(encoding="utf-8")).body
    found = [one for one in body if isinstance(one, ast.FunctionDef | ast.ClassDef) and not one.name.startswith("_")]
    return [one for one in found if "overload" not in map(ast.unparse, one.decorator_list)]


def handed_on(module: str) -> list[Definition]:
    """What a module defines and what it imports from its own modules and lists in `__all__`, in the order of names."""
    tree = ast.parse(path_of(module).read_text(encoding="utf-8"))
    found = {node.name: node for node in public(module)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{module}."):
            there = {one.name: one for one in public(node.module)}
            found |= {alias.name: there[alias.name] for alias in node.names if alias.name in there}
    return [found[name] for name in sorted(found)]


def signature(node: Definition) -> str:
    """Name and parameters; a dataclass' fields are its parameters."""
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {_plain(node.returns)}" if node.returns else ""
        return f"{node.name}({_parameters(node)}){returns}"
    makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if makers:
        return f"{node.name}({_parameters(makers[0])})"
    if any("dataclass" in ast.unparse(one) for one in node.decorator_list) or "NamedTuple" in map(
        ast.unparse, node.bases
    ):
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        return f"{node.name}({', '.join(_plain(one) for one in fields)})"
    return f"{node.name}({', '.join(map(_plain, node.bases))})" if node.bases else node.name


def _parameters(node: ast.FunctionDef) -> str:
    plain = _plain(node.args).removeprefix("self, ").removeprefix("cls, ").removeprefix("self")
    return _DEFAULT.sub(r"\1 = ", plain)


def _plain(node: ast.AST) -> str:
    return _QUOTED.sub(r"\1", ast.unparse(node).replace("'", '"'))


def methods(node: Definition) -> Iterator[ast.FunctionDef]:
    """Public methods and properties of a class, but for those that its base explains."""
    for one in node.body if isinstance(node, ast.ClassDef) else []:
        if (
            isinstance(one, ast.FunctionDef)
            and not one.name.startswith("_")
            and one.name not in ("forward", "extra_repr", "check")
        ):
            yield one


def first(node: ast.AST) -> str:
    """The first paragraph of a docstring."""
    assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())


def whole(node: Definition) -> str:
    """Signature and docstring as they are."""
    own = [f"    {signature(one)}: {first(one)}" for one in methods(node)]
    text = "\n".join(
        [_lines(signature(node)), "", ast.get_docstring(node) or "", *(["", "Methods:", *own] if own else [])]
    )
    return f"### {node.name}\n\n```text\n{text.strip()}\n```\n"


def _lines(text: str) -> str:
    """A signature, its parameters on lines of their own where it is long."""
    wrapped = wrap(text, _LINE, subsequent_indent="        ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrapped)


def short(node: Definition) -> str:
    """One item, and one for each method."""
    lines = [f"* `{signature(node)}`: {first(node)}"]
    lines += [f"    * `{one.name}`: {first(one)}" for one in methods(node)]
    return "\n".join(lines)


def page() -> str:
    """The page, Markdown."""
    parts = [HEAD]
    for module in WHOLE:
        parts += [f"## {module}\n", *map(whole, handed_on(module))]
    for room in ROOMS:
        for module in modules(room):
            nodes = public(module)
            if nodes:
                about = first(ast.parse(path_of(module).read_text(encoding="utf-8")))
                parts += [f"## {module}\n\n{about}\n", "\n".join(map(short, nodes)) + "\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
