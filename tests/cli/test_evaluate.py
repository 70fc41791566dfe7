"""`rebnet evaluate`: refusals whole, and what it prints."""

import json

import numpy as np
from tests.cli.conftest import files_in
from tests.cli.test_compile import edit
from tests.cli.test_help import plain
from tests.records.chained import rechain

from rebnet.engine.reference import run
from rebnet.files import read_json, write_record


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
        "engine", "images", "levels", "accuracy", "images_per_second", "float_accuracy", "labels_differing",
        "labels_differing_float32",
    ]  # fmt: skip
    assert (lines["engine"], lines["images"], lines["levels"]) == ("packed", "360", "2")


def test_without_the_float_network(rebnet, build):
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--no-float")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "engine", "images", "levels", "accuracy", "images_per_second"
    ]  # fmt: skip
    assert read_json(build / "evaluation.json")["request"]["options"]["no_float"] is True
    assert rebnet("report", build)[0] == 0
    page = (build / "report.html").read_text()
    assert "integer" in page
    assert "<td>float" not in page


def test_what_needs_the_float_network_or_never_runs_it(refuse, build):
    refuse(
        "no_float: leaves the float network out, and online compares float networks; leave --no-float out",
        "evaluate", build, "--dataset", "digits", "--no-float", "--online",
    )  # fmt: skip
    refuse(
        "no_float: leaves the float network out, and an adaptive evaluation runs none; leave --no-float out",
        "evaluate", build, "--dataset", "digits", "--no-float", "--adaptive", "1,3",
    )  # fmt: skip


def test_both_engines(rebnet, build, monkeypatch):
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--engine", "both")
    assert code == 0
    assert out.splitlines()[-1].split() == ["mismatches", "0"]
    monkeypatch.setattr("rebnet.engine.predictor.run", lambda *arguments, **options: run(*arguments[:3]) + 1)
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--engine", "both")
    assert code == 1
    assert out.splitlines()[-1].split() == ["mismatches", "360"]
    assert "Traceback" not in err


def test_unknown_engine(rebnet, build):
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--engine", "fast")
    assert (code, out) == (2, "")
    assert "'fast' is not one of 'packed', 'reference', 'both'" in plain(err)


TRAINING = {
    "network": "8x8x1 - D10", "dataset": "digits", "levels": 3, "test_accuracy": 12.5, "seed": 0,
    "recipe": {"validation_fraction": 0.1},
}  # fmt: skip


def test_adaptive_prints_its_operating_point(rebnet, build):
    write_record(build / "training.json", TRAINING)
    rechain(build)
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--adaptive", "1,2,3", "--max-loss", "100")
    assert (code, err) == (0, "evaluating\n")
    record = json.loads((build / "adaptive.json").read_text())
    point = record["operating_point"]
    assert point["thresholds"] == [0, None]  # all may be lost: one level for every image
    table = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in table] == [
        *(
            [str(m), str(answered), str(rung["validation_accuracy"]), str(rung["test_accuracy"]), str(rung["cycles"])]
            for m, answered, rung in zip((1, 2, 3), (100.0, 0.0, 0.0), record["rungs"], strict=True)
        ),
        ["adaptive", "", str(point["validation_accuracy"]), str(point["test_accuracy"]), "15.0"],
    ]
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[-7:])
    assert lines == {
        "max_loss": "100.0",
        "validation_images": "144",
        "test_images": "360",
        "thresholds": "[0, None]",
        "test_loss": str(point["test_loss"]),
        "test_cycles_to_first": "1.0",
        "test_cycles_to_last": "0.3333",
    }


def test_adaptive_says_when_nothing_is_cheaper(rebnet, build, monkeypatch):
    write_record(build / "training.json", TRAINING)
    rechain(build)
    monkeypatch.setattr("rebnet.stages.accelerator.Accelerator.bound_cycles", lambda self, levels: 100 - levels)
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--adaptive", "2,3", "--max-loss", "0")
    point = json.loads((build / "adaptive.json").read_text())["operating_point"]
    assert (code, point["thresholds"], point["test_cycles"]) == (0, [None], 97.0)
    assert err.splitlines()[-1] == "within this loss nothing is cheaper than 3 levels alone"
    assert out.splitlines()[-4].split() == ["thresholds", "[None]"]


def test_ladders_that_cannot_be(refuse, build):
    command = ("evaluate", build, "--dataset", "digits", "--adaptive")
    refuse("adaptive='1;3': not a list of whole numbers; write for example 1,3", *command, "1;3")
    refuse("adaptive=3,1: the level counts of a ladder rise; write for example 1,3", *command, "3,1")
    refuse("levels=4: this network serves 1, 2, 3; choose one of these", *command, "1,4")
    refuse(
        f"{build}/training.json: does not say which images were held out (seed, recipe.validation_fraction); "
        "train with 'rebnet train', or give evaluate_adaptive validation images of your own",
        *command, "1,3",
    )  # fmt: skip


def test_online(rebnet, build):
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "--online")
    assert (code, err.strip()) == (0, "")
    record = read_json(build / "online.json")
    assert plain(out) == (
        f"images 360 levels 3 trained_accuracy {record['trained_accuracy']} online_accuracy {record['online_accuracy']}"
    )


def test_where_prints_and_writes_nothing(rebnet, build):
    before = files_in(build)
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--where", build, "--images", 50, "--levels", 2)
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert [*lines] == ["where", "images", "levels", "accuracy", "labels_differing", "images_per_second"]
    assert (code, lines["where"], lines["images"], lines["labels_differing"]) == (0, str(build), "50", "0")
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--where", build, "--images", "all", "--json")
    assert (code, json.loads(out)["images"]) == (0, 360)
    assert files_in(build) == before


def test_where_exits_with_one_where_labels_differ(rebnet, build, monkeypatch):
    monkeypatch.setattr("rebnet.engine.predictor.Predictor.labels", lambda self, images, levels: asked.append(1) or
                        np.full(len(images), len(asked)))  # fmt: skip
    asked = []
    code, out, _ = rebnet("evaluate", build, "--dataset", "digits", "--where", build, "--images", 50)
    assert code == 1
    assert "labels_differing   50" in out


def test_where_refused(refuse, build):
    refuse(
        "images=5: evaluation.json is of all test images; name a --where, or leave --images out",
        "evaluate", build, "--dataset", "digits", "--images", 5,
    )  # fmt: skip
    refuse(
        "where='serial:x': no float network and no ladder runs elsewhere, labels are compared with the integer "
        "network's; leave --online out",
        "evaluate", build, "--dataset", "digits", "--where", "serial:x", "--online",
    )  # fmt: skip
