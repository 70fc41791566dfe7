"""Every verb that meets a data set and a network asks whether the labels can be right at all."""

from dataclasses import replace

import numpy as np
import pytest
from tests.records.chained import rechain

from rebnet import datasets, flow
from rebnet.engine.reference import check_data
from rebnet.errors import DatasetError
from rebnet.evaluate.adaptive import evaluate_adaptive
from rebnet.files import write_record
from rebnet.ir import storage

TRAINING = {
    "network": "8x8x1 - D10", "dataset": "npz:eleven.npz", "levels": 3, "test_accuracy": 12.5, "seed": 3,
    "recipe": {"validation_fraction": 0.25},
}  # fmt: skip
VERBS = {
    "evaluation": flow.evaluate,
    "adaptive": lambda build, data: flow.evaluate(build, data, adaptive=(1, 3)),
    "online": lambda build, data: flow.evaluate(build, data, online=True),
    "simulation": flow.simulate,
}


def save(path, classes):
    digits = datasets.load("digits")
    np.savez(path, images=digits.test_images[:40], labels=np.arange(40) % classes)
    return f"npz:{path}"


@pytest.mark.parametrize("record", VERBS)
def test_labels_that_no_output_has(build, tmp_path, record):
    write_record(build / "training.json", TRAINING)
    rechain(build)
    data = save(tmp_path / "eleven.npz", 11)
    with pytest.raises(DatasetError) as refusal:
        VERBS[record](build, data)
    assert str(refusal.value) == (
        f"data set {data}: has 11 classes, the network random has 10 outputs, so some labels could never be right; "
        "choose the data set it was trained on"
    )
    assert not (build / f"{record}.json").exists()
    assert not list(build.glob("simulator*"))


def test_fewer_classes_than_outputs_are_legal(build, tmp_path):
    record = flow.evaluate(build, save(tmp_path / "seven.npz", 7))
    assert record["images"] == 8
    check_data(storage.load(build), datasets.load(save(tmp_path / "one.npz", 1)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(5, 10), "validation: labels[0] is 10, labels must be 0 to 9; number the classes from 0"),
        (np.array([0, 1, -1, 0, 0]), "validation: labels[2] is -1, labels must be 0 to 9; number the classes from 0"),
        (np.zeros(4, int), "validation: labels holds 4 labels for 5 images, the counts must be equal; give one label "
         "an image"),
        (np.zeros(5), "validation: labels has dtype float64, labels must be integers; number the classes from 0 and "
         "convert them with labels.astype('int64')"),
    ],
)  # fmt: skip
def test_validation_labels_of_the_callers_own(build, labels, message):
    write_record(build / "training.json", TRAINING | {"dataset": "digits"})
    rechain(build)
    digits = datasets.load("digits")
    with pytest.raises(DatasetError) as refusal:
        evaluate_adaptive(build, replace(digits), (1, 3), validation=(digits.train_images[:5], labels))
    assert str(refusal.value) == message
