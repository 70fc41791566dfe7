"""The table of a report: rows from records, and records that were edited."""

import json
import re

import pytest
from tests.ir.networks import from_text
from tests.records.chained import rechain

from rebnet import flow
from rebnet.errors import FileFormatError
from rebnet.files import write_record
from rebnet.ir import storage
from rebnet.report import write_report

AGAIN = "run the stage that writes it again"
SIMULATION = {
    "dataset": "digits", "images": 360, "levels": [3], "stalls": None, "mismatches": 0, "accuracy": 12.5,
    "cycles_per_image": 45.0, "bound_cycles": 45,
}  # fmt: skip


@pytest.fixture
def reported(build):
    flow.evaluate(build, "digits")
    write_record(build / "simulation.json", SIMULATION)
    rechain(build)
    return build


def test_rows(reported, tmp_path):
    rows = write_report([reported, reported], tmp_path / "report.json")
    evaluation = json.loads((reported / "evaluation.json").read_text())
    assert rows[0] == rows[1]
    assert rows[0] == {
        "network": "8x8x1 - D12(5,16) - D9(2,5) - D10(3,4)",
        "dataset": "digits",
        "levels": 3,
        "accuracy_float": 12.5,
        "accuracy_integer": evaluation["accuracy"],
        "accuracy_rtl": 12.5,
        "images": 360,
        "mismatches": 0,
        "cycles_per_image": 45.0,
        "bound_cycles": 45,
        "images_per_second": round(200e6 / 45),
        "weight_kib": 0.13,
    }
    record = json.loads((tmp_path / "report.json").read_text())
    assert record == {"schema": 1, "clock_mhz_assumed": 200, "rows": rows}


def test_a_network_without_a_training_has_a_row(tmp_path):
    storage.save(from_text("8x8x1 - D6 - D10", levels=2), tmp_path / "alone")
    build = tmp_path / "build"
    flow.compile(tmp_path / "alone", build, folding="balanced")
    evaluation = flow.evaluate(build, "digits")
    write_record(build / "simulation.json", {**SIMULATION, "accuracy": evaluation.accuracy, "levels": [2]})
    rechain(build)
    (row,) = write_report([build], tmp_path / "report.json")
    told = {key: row[key] for key in ("network", "dataset", "levels", "accuracy_float", "accuracy_integer")}
    figures = {"accuracy_float": evaluation.float_accuracy, "accuracy_integer": evaluation.accuracy}
    assert told == {"network": "random", "dataset": "digits", "levels": 2, **figures}


def test_stalled_simulation_has_no_throughput(reported, tmp_path):
    write_record(reported / "simulation.json", {**SIMULATION, "stalls": 7, "cycles_per_image": None})
    rechain(reported)
    (row,) = write_report([reported], tmp_path / "report.json")
    assert (row["cycles_per_image"], row["images_per_second"]) == (None, None)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("simulation.json", None, "no such file; the stage that writes it has not run"),
        ("evaluation.json", None, "no such file; the stage that writes it has not run"),
        ("simulation.json", "[]", "holds list, a record must be a JSON object"),
        (
            "simulation.json",
            json.dumps({"schema": 1, **SIMULATION, "mismatches": "none"}),
            "key 'mismatches' holds 'none', it must hold a whole number of at least 0; " + AGAIN,
        ),
        (
            "simulation.json",
            json.dumps({"schema": 1, **SIMULATION, "cycles_per_image": "45"}),
            "key 'cycles_per_image' holds '45', it must hold a number from 1 to 9,007,199,254,740,992, or null; "
            + AGAIN,
        ),
        (
            "simulation.json",
            json.dumps({"schema": 1, **SIMULATION, "accuracy": True}),
            "key 'accuracy' holds True, it must hold a number from 0 to 100; " + AGAIN,
        ),
        (
            "training.json",
            '{"schema": 1, "network": "x", "dataset": "digits", "levels": 3, "test_accuracy": NaN}',
            "not valid JSON (NaN is not a JSON number); write it again with the command that made it",
        ),
        (
            "training.json",
            '{"schema": 1, "network": 7}',
            "key 'network' holds 7, it must hold a text of 1 to 100,000 characters; " + AGAIN,
        ),
    ],
)
def test_edited_records(reported, tmp_path, file, text, message):
    path = reported / file
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(FileFormatError, match=f"^{re.escape(f'{path}: {message}')}$"):
        write_report([reported], tmp_path / "report.json")
    assert not (tmp_path / "report.json").exists()
