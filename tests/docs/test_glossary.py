"""The glossary against the code: what it names is there and speaks its words, and no public class goes without."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from .pages import DOCS, tool

TEXT = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!term|---)([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
CLASSES_OF = ("ir", "stages", "fold", "nn")
_SAID_OTHERWISE = {  # terms whose word is not in the name: letters, units, and what another name brings along
    "real", "value", "chunk", "level lanes", "PE, SIMD", "estimator", "latency", "zoo", "latent weight", "bounds",
    "factor γ", "step δ",
}  # fmt: skip
reference = tool("python_reference")


def defined() -> dict[str, set[str]]:
    """The modules that define each public name."""
    found: dict[str, set[str]] = {}
    for path in reference.SOURCE.rglob("*.py"):
        module = ".".join(path.relative_to(reference.SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for node in reference.public(module):
            found.setdefault(node.name, set()).add(module)
    return found


NAMES = defined()


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def classes() -> Iterator[str]:
    for room in CLASSES_OF:
        for module in reference.modules(room):
            yield from (node.name for node in reference.public(module) if isinstance(node, reference.ast.ClassDef))


def test_every_line_has_its_cells_and_stands_once() -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    heads = TEXT.count("| term |")
    assert len(ROWS) == len(lines) - heads
    assert len({term for term, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("term", "cell"), [(term, cell) for term, _, _, cell in ROWS])
def test_names_of_code_are_imported(term: str, cell: str) -> None:
    names = named(cell)
    assert names, f"{term} names no code"
    for name in names:
        assert NAMES.get(name), f"{term}: nothing public is called {name}"
        assert all(hasattr(import_module(module), name) for module in NAMES[name])


@pytest.mark.parametrize(("term", "cell"), [(term, cell) for term, _, _, cell in ROWS if term not in _SAID_OTHERWISE])
def test_code_speaks_the_words_of_the_glossary(term: str, cell: str) -> None:
    words = [word[:3].lower() for word in re.findall(r"\w{3,}", term)]
    names = "".join(named(cell)).lower()
    assert any(word in names for word in words), f"{term}: none of its words is in {names}"


def test_every_public_class_has_a_line() -> None:
    told = {name for *_, cell in ROWS for name in named(cell)}
    assert sorted(set(classes()) - told) == []
