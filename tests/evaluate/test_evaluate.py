"""evaluation.json: every key, and its figures against the networks themselves."""

import json

import numpy as np
import pytest

from rebnet import datasets
from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.evaluate import evaluate
from rebnet.files import file_hash
from rebnet.ir import storage


@pytest.mark.parametrize("levels", [None, 1, 2])
def test_record(build, levels):
    digits = datasets.load("digits")
    seen = []
    record = evaluate(build, build / "exported", digits, levels, seen.append)
    assert json.loads((build / "evaluation.json").read_text()) == {"schema": 1, **record}
    speed = record.pop("images_per_second")
    assert isinstance(speed, float)
    assert speed > 0
    integer = np.argmax(run(storage.load(build), digits.test_images, levels), axis=1)
    real = np.argmax(run_real(storage.load(build / "exported"), digits.test_images, levels), axis=1)
    assert record == {
        "inputs": {"network": file_hash(build / "network.json")},
        "dataset": "digits",
        "engine": "reference",
        "images": 360,
        "levels": levels or 3,
        "accuracy": round(100 * float(np.mean(integer == digits.test_labels)), 4),
        "float_accuracy": round(100 * float(np.mean(real == digits.test_labels)), 4),
        "labels_differing": int((integer != real).sum()),
    }
    assert sum(seen) == 360
