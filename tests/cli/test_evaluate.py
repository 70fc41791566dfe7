"""`rebnet evaluate`: refusals whole, and what it prints."""

import numpy as np
from tests.cli.test_compile import edit
from tests.cli.test_help import plain

from rebnet.engine.reference import run


def test_levels(refuse, build):
    refuse(
        "levels=4: this network serves 1, 2, 3; choose one of these",
        "evaluate", build, "--dataset", "digits", "--levels", 4,
    )  # fmt: skip
    refuse(
        "levels=0: this network serves 1, 2, 3; choose one of these",
        "evaluate", build, "--dataset", "digits", "--levels", 0,
    )  # fmt: skip


def test_images_that_do_not_fit(refuse, build, tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((5, 4, 4, 1), np.uint8), labels=np.zeros(5, np.int64))
    refuse(
        "images are uint8 of shape (4, 4, 1); the network random takes uint8 of shape (8, 8, 1); choose the data set "
        "it was trained on",
        "evaluate", build, "--dataset", f"npz:{tmp_path / 'own.npz'}",
    )  # fmt: skip


def test_no_build(refuse, tmp_path):
    refuse(
        f"{tmp_path / 'none' / 'network.json'}: no such file; the stage that writes it has not run",
        "evaluate", tmp_path / "none", "--dataset", "digits",
    )  # fmt: skip


def test_damaged_build(refuse, build):
    edit(build / "network.json", lambda record: record["ops"].pop())
    refuse(
        f"{build}/network.json: not a network (random, operation 5, Dense: ends the network; the last operation must "
        "be BatchNorm, Affine or Scores); write it again with the command that made it",
        "evaluate", build, "--dataset", "digits",
    )  # fmt: skip


def test_prints_its_record(rebnet, build):
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--levels", 2)
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == [
        "engine", "images", "levels", "accuracy", "float_accuracy", "labels_differing", "images_per_second",
    ]  # fmt: skip
    assert (lines["engine"], lines["images"], lines["levels"]) == ("packed", "360", "2")


def test_both_engines(rebnet, build, monkeypatch):
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--engine", "both")
    assert code == 0
    assert out.splitlines()[-1].split() == ["mismatches", "0"]
    monkeypatch.setattr("rebnet.engine.packed.run", lambda *arguments, **options: run(*arguments[:3]) + 1)
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--engine", "both")
    assert code == 1
    assert out.splitlines()[-1].split() == ["mismatches", "360"]
    assert "Traceback" not in err


def test_unknown_engine(rebnet, build):
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--engine", "fast")
    assert (code, out) == (2, "")
    assert "'fast' is not one of 'packed', 'reference', 'both'" in plain(err)
