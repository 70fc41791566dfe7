"""The survey's table: what is not at hand says so, and ours are the records' numbers."""

from pathlib import Path

import pytest
from tests.reproduce.conftest import panels

from rebnet.fold.timing.from_text import bound_cycles
from rebnet.reproduce.records import read_run
from rebnet.reproduce.survey_table3 import survey_table3

RECORDS = Path(__file__).parents[2] / "benchmarks" / "survey"


def test_nothing_is_invented():
    made = survey_table3([], None)
    assert [row["notes"] for row in made.record["rows"] if row["by"] != "rebnet"] == [["printed, not at hand"]] * 6
    assert not any("accuracy" in row or "LUT" in row for row in made.record["rows"])
    panels(made)


def test_one_data_set():
    assert {row["network"] for row in survey_table3([], "cifar10").record["rows"]} == {"cnv-8"}


@pytest.mark.parametrize("folder", sorted(RECORDS.iterdir()), ids=lambda folder: folder.name)
def test_the_records_of_ours(folder):
    made = survey_table3([read_run(folder, bound_cycles)], "mnist")
    (row,) = [row for row in made.record["rows"] if "run" in row]
    assert row["accuracy"]["value"] > 98
    assert row["part"] == "xc7z020"
    assert row["time"]["value"] == row["cycles"]["value"] / 200
    assert "simulation.json" in row["cycles"]["origin"]
    (axes,) = panels(made)
    assert len(axes.lines) == 1
