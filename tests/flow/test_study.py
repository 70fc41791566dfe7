"""The trainings of the repair study, on a few digits: done once, an ended one goes on, the best three come last."""

import json
import sys

import numpy as np
import pytest

from rebnet import flow
from rebnet.datasets import load
from rebnet.errors import OptionError
from rebnet.reproduce import repairs
from rebnet.reproduce.repairs import SINGLE
from rebnet.train import loop

FEW = ("baseline-0", "baseline-1", "baseline-2", "polynomial", "shortcut-each", "teacher")


def study(tmp_path, epochs=2, **options):
    options |= {"dataset": f"npz:{tmp_path / 'few.npz'}", "train": tmp_path / "runs", "epochs": epochs, "quiet": True}
    return flow.reproduce("repair-study", tmp_path / "out", **options)


def test_rows_are_trained_once_and_gone_on_with(tmp_path, monkeypatch):
    """Of the table six rows, so that it is whole within seconds."""
    few = tuple(one for one in SINGLE if one.name in FEW)
    monkeypatch.setattr(repairs, "SINGLE", few)
    digits = load("digits")
    arrays = {"images": digits.train_images, "labels": digits.train_labels}
    arrays |= {"test_images": digits.test_images, "test_labels": digits.test_labels}
    np.savez(tmp_path / "few.npz", **{name: values[:100] for name, values in arrays.items()})
    monkeypatch.setitem(repairs.BENCHMARKS, "npz:", repairs.BENCHMARKS["digits"])
    table = sys.modules["rebnet.reproduce.repair_study"]  # as an attribute, it is the function of its name
    monkeypatch.setattr(table, "SINGLE", few)
    monkeypatch.setattr(table, "NAMES", (*FEW, "together-m1", "together-m2", "together-m3"))
    said: list[str] = []
    made = study(tmp_path, rows=["polynomial"], say=said.append)
    assert said == ["polynomial: slope 2 - 2|x| of signs"]
    assert [row["row"] for row in made.record["rows"] if not row["notes"]] == ["polynomial"]
    first = (tmp_path / "runs" / "polynomial" / "model.safetensors").stat().st_mtime_ns
    real = loop.save_checkpoint

    def ended(*arguments, **options):
        real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(loop, "save_checkpoint", ended)
        with pytest.raises(KeyboardInterrupt):
            study(tmp_path, rows=["baseline-0"])
    assert (tmp_path / "runs" / "baseline-0" / "checkpoint.safetensors").is_file()
    said.clear()
    made = study(tmp_path, say=said.append)
    assert [line.split(":")[0] for line in said][:6] == [
        "baseline-0",
        "baseline-1",
        "baseline-2",
        FEW[4],
        "float-teacher",
        "teacher",
    ]
    assert [line.split(":")[0] for line in said][6:] == ["together-m1", "together-m2", "together-m3"]
    assert (tmp_path / "runs" / "polynomial" / "model.safetensors").stat().st_mtime_ns == first
    assert made.record["missing"] == []
    assert all(not row["notes"] for row in made.record["rows"])
    levels = {row["row"]: row["levels"] for row in made.record["rows"]}
    assert (levels["together-m2"], levels["together-m3"]) == (2, 3)
    assert made.record["baseline"]["spread"] >= 0
    assert json.loads((tmp_path / "out" / "repair-study.json").read_text())["findings"]
    with pytest.raises(OptionError, match=r"has 2 epochs, and 3 are asked for; use --epochs 2 or another folder"):
        study(tmp_path, epochs=3)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("table3", {"train": "runs"}, r"^--train: table3 is made from records; studies are repair-study$"),
        ("repair-study", {"epochs": 3}, r"^--epochs and --rows say what --train trains; name the folder"),
        ("repair-study", {"train": "runs", "rows": ["nothing"]}, r"^row 'nothing': the study has baseline-0, "),
        (
            "repair-study",
            {"train": "runs", "dataset": "mnist"},
            r"^dataset='mnist': the repair study has cifar10, npz:",
        ),
    ],
)
def test_refusals(tmp_path, monkeypatch, target, options, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=message):
        flow.reproduce(target, tmp_path / "out", **options)
    assert not (tmp_path / "runs").exists()
