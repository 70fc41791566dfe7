"""A decision is a short file in docs/decisions, in one form, and the index names every one of them."""

import re
from pathlib import Path

import pytest

from .pages import DOCS, ROOT, name

FOLDER = DOCS / "decisions"
INDEX = FOLDER / "README.md"
DECISIONS = sorted(set(FOLDER.glob("*.md")) - {INDEX})
MOST_LINES = 25


def test_the_index_names_every_decision_once_by_its_title() -> None:
    listed = re.findall(r"^\* \[(.*)\]\((.*\.md)\)$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    titles = {page.name: page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ") for page in DECISIONS}
    assert len(listed) == len(DECISIONS)
    assert {target: title for title, target in listed} == titles


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_is_short_and_says_what_holds_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert re.findall(r"^\*\*([\w ]+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Held by"]
    held = re.findall(r"`((?:tests|benchmarks)/[^` ]*)`", text.split("**Held by.**")[1])
    assert held
    assert [path for path in held if not (ROOT / path).exists()] == []
