"""Factors computed online: from online.json, or the commands that write it."""

import re

import pytest
from tests.records.chained import put
from tests.reproduce.conftest import panels

from rebnet.errors import FileFormatError
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.reproduce.records import read_run
from rebnet.reproduce.table4 import table4

LAYER = {"name": "a", "held_bits": 8192, "additions": 512, "multiplications": 768}
ONLINE = {
    "dataset": "mnist", "images": 400, "levels": 2, "trained_accuracy": 98.5, "online_accuracy": 90.25,
    "layers": [LAYER, LAYER],
}  # fmt: skip


def test_measured(folder):
    build = folder("build")
    put(build / "online.json", ONLINE)
    made = table4([read_run(build, bound_cycles)], None)
    (row,) = made.record["rows"]
    assert row["online_accuracy"] == {
        "value": 90.25, "unit": "%", "origin": f"{build}/online.json online_accuracy, 400 images",
    }  # fmt: skip
    assert row["held_bits"]["value"] == 16384
    assert made.table.rows[0] == (
        "MNIST", "2", "98.50", "90.25", "8.25", "2.00", "1,024", "1,536", "2", str(build),
    )  # fmt: skip
    assert made.record["missing"] == []
    (axes,) = panels(made)
    assert [bar.get_height() for group in axes.containers for bar in group] == [98.5, 90.25]


def test_not_measured(run):
    made = table4([run("own")], None)
    (row,) = made.record["rows"]
    assert row["notes"] == ["not measured"]
    assert made.record["missing"] == [
        f"rebnet compile {row['run']} --output build/own",
        "rebnet evaluate build/own --dataset mnist --online",
        "rebnet reproduce table4 --from build/own",
    ]
    panels(made)


def test_another_data_set_is_not_used(folder):
    build = folder("build")
    put(build / "online.json", {**ONLINE, "dataset": "digits"})
    assert read_run(build, bound_cycles).online is None


def test_an_edited_record(folder):
    build = folder("build")
    put(build / "online.json", {**ONLINE, "layers": [{**LAYER, "additions": "x"}]})
    message = (
        f"{build}/online.json: key 'layers[0].additions' holds 'x', it must hold a whole number of at least 0; run the "
    )
    message += "stage that writes it again"
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        read_run(build, bound_cycles)
