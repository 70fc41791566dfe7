"""Pictures of the documentation are what their tools draw from contract and records, and fetch nothing."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .pages import DOCS, ROOT, tool

PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
architecture, accuracy = tool("draw_architecture"), tool("accuracy_against_cycles")


def test_the_architecture_is_the_import_contract() -> None:
    assert architecture.picture() == architecture.PICTURE.read_text(encoding="utf-8"), "run tools/draw_architecture.py"
    text = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.page(text) == text, "run tools/draw_architecture.py"


def test_every_room_stands_on_one_floor() -> None:
    rooms = [room for floor in architecture.floors() for room in floor]
    source = ROOT / "src" / "rebnet"
    there = {path.parent.name for path in source.glob("*/__init__.py")} | {path.stem for path in source.glob("*.py")}
    without = {"__init__", "__main__", "supervise"}  # run, and never imported
    assert sorted(rooms) == sorted(there - without)


def test_accuracy_against_cycles_is_that_of_the_records() -> None:
    drawn = accuracy.PICTURE.read_text(encoding="utf-8")
    assert accuracy.picture() == drawn, "run tools/accuracy_against_cycles.py"
    for name, cycles in (("mnist-arch-1", (208, 256, 384)), ("cifar10-arch-2", (32_768, 65_536, 98_304))):
        points = accuracy.ours(name)
        assert tuple(point.cycles for point in points) == cycles  # of tests/test_mnist.py and tests/test_cifar10.py
        assert all(f"M={point.levels}  {point.accuracy:.2f}" in drawn for point in points)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_stands_for_itself_in_light_and_dark(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"(?:href|src)=\"(?!#)[^\"]*\"|url\((?!#)[^)]*\)|@import", text) == []
    used = set(re.findall(r"var\(--(\w+)", text))
    assert used
    assert all(text.count(f"--{name}:") == 2 for name in used)
