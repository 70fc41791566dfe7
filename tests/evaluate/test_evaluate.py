"""evaluation.json: every key, and its figures against the networks themselves."""

import json

import numpy as np
import pytest

from rebnet import datasets
from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.errors import OptionError
from rebnet.evaluate import evaluate
from rebnet.evaluate.mistakes import mistakes
from rebnet.files import file_hash
from rebnet.ir import storage


@pytest.mark.parametrize("engine", ["packed", "reference", "both"])
@pytest.mark.parametrize("levels", [None, 1, 2])
def test_record(build, levels, engine):
    digits = datasets.load("digits")
    seen, first = [], []
    record = dict(
        evaluate(build, build / "exported", digits, levels, engine, seen.append, lambda part: first.append({**part}))
    )
    assert [{**record, **part} for part in first] == [record]
    assert list(first[0]) == ["inputs", "dataset", "engine", "images", "levels", "accuracy", "images_per_second"]
    assert json.loads((build / "evaluation.json").read_text()) == {"schema": 1, **record}
    speed = record.pop("images_per_second")
    assert isinstance(speed, float)
    assert speed > 0
    integer = np.argmax(run(storage.load(build), digits.test_images, levels), axis=1)
    exact, single = (
        np.argmax(run_real(storage.load(build / "exported"), digits.test_images, levels, precision=precision), axis=1)
        for precision in (np.float64, np.float32)
    )
    own = {
        key: record.pop(key) for key in mistakes(digits, run(storage.load(build), digits.test_images, levels), integer)
    }
    assert own["class_correct"] == np.bincount(digits.test_labels[integer == digits.test_labels], minlength=10).tolist()
    assert record.pop("pictures")["file"] == "evaluation.png"
    assert record == {
        "inputs": {
            "network": file_hash(build / "network.json"),
            "exported": file_hash(build / "exported" / "network.json"),
            "images": digits.test_sha256,
        },
        "dataset": "digits",
        "engine": engine,
        "images": 360,
        "levels": levels or 3,
        "accuracy": round(100 * float(np.mean(integer == digits.test_labels)), 4),
        "float_accuracy": round(100 * float(np.mean(exact == digits.test_labels)), 4),
        "labels_differing": 0,
        "labels_differing_float32": int((integer != single).sum()),
    } | ({"mismatches": 0} if engine == "both" else {})
    assert sum(seen) == 3 * 360  # by the integer network, then twice by the float one


@pytest.mark.parametrize("engine", ["packed", "both"])
def test_without_the_float_network(build, engine, monkeypatch):
    monkeypatch.setattr("rebnet.evaluate.run_real", None)
    seen = []
    record = evaluate(build, build / "exported", datasets.load("digits"), None, engine, seen.append, no_float=True)
    assert sum(seen) == 360
    monkeypatch.undo()
    whole = evaluate(build, build / "exported", datasets.load("digits"), None, engine)
    left = {"float_accuracy", "labels_differing", "labels_differing_float32"}
    assert whole.keys() - record.keys() == left
    assert {**record, "images_per_second": 0} == {
        **{key: value for key, value in whole.items() if key not in left},
        "images_per_second": 0,
    }


def test_packed_is_the_default(build):
    assert evaluate(build, build / "exported", datasets.load("digits"))["engine"] == "packed"


def test_both_counts_the_images_whose_scores_differ(build, monkeypatch):
    def wrong(*arguments, **options):
        scores = run(*arguments)
        scores[3, 1] += 1
        scores[7] -= 5  # a whole image counts once
        return scores

    monkeypatch.setattr("rebnet.engine.predictor.run", wrong)
    record = evaluate(build, build / "exported", datasets.load("digits"), engine="both")
    assert record["mismatches"] == 2
    assert json.loads((build / "evaluation.json").read_text())["mismatches"] == 2


def test_unknown_engine(build):
    with pytest.raises(OptionError) as refusal:
        evaluate(build, build / "exported", datasets.load("digits"), engine="fast")
    assert str(refusal.value) == "engine='fast': use packed, reference, both"
    assert not (build / "evaluation.json").exists()


def test_an_interrupt_of_the_float_network_leaves_the_record_that_was_there(build):
    digits = datasets.load("digits")
    evaluate(build, build / "exported", digits, 2)
    before = (build / "evaluation.json").read_bytes()
    told = []

    def stop(images_done):
        if told:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(build, build / "exported", digits, 1, progress=stop, answered=told.append)
    assert told[0]["levels"] == 1
    assert (build / "evaluation.json").read_bytes() == before
