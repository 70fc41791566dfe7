"""Networks in the wheel: names, files, levels."""

import re

import pytest

from rebnet import zoo
from rebnet.errors import OptionError
from rebnet.files import read_json
from rebnet.ir import storage

WEIGHT_BYTES = {"mnist-arch-1": 41_792, "cifar10-arch-2": 192_896, "cifar10-resnet-20": 33_872}
FILES = ["evaluation.json", "network.json", "tensors.safetensors", "training.json"]


@pytest.mark.parametrize("name", zoo.NAMES)
def test_networks(name):
    folder = zoo.folder(name)
    assert zoo.folder(f"zoo:{name}") == folder
    assert sorted(path.name for path in folder.iterdir()) == FILES
    network = storage.load(folder)
    shape, _, kind = name.rpartition("-")
    assert network.name == name
    assert network.levels == (3 if kind == "any" else int(kind[1]))
    assert network.weight_bytes == WEIGHT_BYTES[shape]
    training = read_json(folder / "training.json")
    assert (training["dataset"], training["levels"]) == (name.split("-")[0], network.levels)
    assert training.get("any_levels", False) == (kind == "any")
    evaluation = read_json(folder / "evaluation.json")
    assert (evaluation["dataset"], evaluation["levels"]) == (training["dataset"], network.levels)
    assert evaluation["images"] == 10_000
    assert abs(evaluation["float_accuracy"] - training["test_accuracy"]) <= 0.1


@pytest.mark.parametrize("name", zoo.NAMES)
def test_records_name_no_folder_of_a_machine(name):
    for path in zoo.folder(name).glob("*.json"):
        assert re.findall(r'"(?:/|[A-Za-z]:\\)[^"]*"', path.read_text()) == []


def test_every_folder_has_a_name():
    folders = {path.parent.name for path in zoo.folder(zoo.NAMES[0]).parent.glob("*/network.json")}
    assert folders == set(zoo.NAMES)


def test_unknown():
    message = "network 'mnist' is not in the zoo; use " + ", ".join(f"zoo:{name}" for name in zoo.NAMES)
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        zoo.folder("mnist")
