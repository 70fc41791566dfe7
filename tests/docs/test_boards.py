"""The page of the boards says what boards.toml, the shells and the guides say."""

from dataclasses import replace

import pytest

from rebnet.boards import boards, parts
from rebnet.boards.shells import SHELLS

from .pages import tool

drawn = tool("board_table")


def cells(name: str) -> list[str]:
    """A board's row."""
    (row,) = (line for line in drawn.board_table().splitlines() if line.startswith(f"| `{name}` |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_is_that_of_the_boards() -> None:
    text = drawn.PAGE.read_text(encoding="utf-8")
    assert drawn.page(text) == text, "run tools/board_table.py"
    assert all(f"\n### {way}\n" in text for way in (*SHELLS, drawn.ZYNQ, drawn.LITEX))


def test_every_board_and_every_part_is_there() -> None:
    table = drawn.board_table()
    assert [line.split("`")[1] for line in table.splitlines()[2:]] == [board.name for board in boards()]
    assert {part.part.name for part in parts()} == {board.part.name for board in boards()}


def test_clock_ways_and_ports() -> None:
    assert cells("ulx3s-85")[3:] == [
        "83,640",
        "83,640",
        "208 × 18",
        "156",
        "100 asked",
        "timed",
        "[`uart`](#uart), [`litex`](#litex)",
        "",
    ]
    assert cells("icebreaker")[5:] == ["30 × 4", "8", "12", "oscillator", "[`uart`](#uart)", ""]
    assert cells("zc702")[1:] == [
        "xc7z020clg484-1",
        "xc7",
        "53,200",
        "106,400",
        "140 × 36",
        "220",
        "200",
        "assumed",
        "[`axi`](#axi)",
        "64",
    ]
    assert cells("kv260")[8:] == ["assumed", "[`axi`](#axi), [`zynq`](#zynq)", "128"]
    assert cells("kc705")[7:] == ["200", "assumed", "", ""]


def test_the_boards_of_litex_are_boards() -> None:
    assert set(drawn.litex_boards()) <= {board.name for board in boards()}


def test_a_figure_that_its_guide_no_longer_says_is_told() -> None:
    figure = drawn.FIGURES[0]
    assert set(figure.read()) == {"mhz", "routed"}
    with pytest.raises(ValueError, match="says it 0 times"):
        replace(figure, said=r"\| Arch-9 \|").read()
