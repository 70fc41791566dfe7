"""The records of bitstreams: whole, of every board, and made once. No tool runs here."""

import json
from pathlib import Path

import pytest

import open_boards
from open_boards import FOLDER, ROWS, Row
from rebnet import boards, flow
from rebnet.errors import OptionError

RECORDS = sorted(FOLDER.glob("*.json"))


def test_every_board_with_a_serial_line_has_a_row() -> None:
    assert sorted(row.board for row in ROWS) == sorted(b.name for b in boards.boards() if b.shell == "uart")
    assert len({row.folder for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record(path: Path) -> None:
    record = json.loads(path.read_text())
    board = boards.find(record["board"])
    (row,) = (row for row in ROWS if row.board == board.name)
    assert path.stem == board.name
    assert record["part"] == board.part.order_code
    assert record["dataset"] == row.dataset
    assert len(record["commit"]) == 7
    if "refused" in record:
        return
    assert row.network in (record["source"], record["network"])
    assert record["images_per_second"] == round(1e6 * record["clock_mhz"] / record["cycles"], 1)
    assert record["clock_mhz"] <= min(record["fmax_mhz"], max(record["target_mhz"], board.clock_mhz))
    assert record["cycles"] <= row.target_cycles
    assert record["line_images_per_second"] <= record["images_per_second"]
    assert all(used <= record["available"][key] for key, used in record["used"].items() if record["available"][key])
    assert ("netlist" in record) == row.netlist
    assert record.get("netlist", {}).get("equal", True)


ROW = Row("icebreaker", "zoo:mnist-arch-1-m1", "mnist", 100)


def test_a_board_with_a_record_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def measured(row: Row, work: Path) -> dict:
        done.append(row.board)
        return {"clock_mhz": 1, "images_per_second": 2}

    monkeypatch.setattr(open_boards, "measured", measured)
    for _ in range(2):
        open_boards.run([ROW, Row("ulx3s-25", "zoo:mnist-arch-1-m1", "mnist", 100)], tmp_path, tmp_path / "records")
    assert done == ["icebreaker", "ulx3s-25"]


def test_what_a_tool_refuses_is_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: str, build: Path, **options: object) -> None:
        raise OptionError(f"{build}: it is too small")

    monkeypatch.setattr(flow, "compile", refused)
    open_boards.run([ROW], tmp_path, tmp_path / "records")
    record = json.loads((tmp_path / "records" / "icebreaker.json").read_text())
    assert (record["refused"], record["part"]) == ("BUILD: it is too small", "iCE40UP5K-SG48I")
