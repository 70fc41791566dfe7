"""Networks in the wheel: names, files, levels."""

import re

import pytest

from rebnet import zoo
from rebnet.errors import OptionError
from rebnet.files import read_record
from rebnet.ir import storage

WEIGHT_BYTES = {"mnist-arch-1": 41_792, "cifar10-arch-2": 192_896}


@pytest.mark.parametrize("name", zoo.NAMES)
def test_networks(name):
    folder = zoo.folder(name)
    assert zoo.folder(f"zoo:{name}") == folder
    assert sorted(path.name for path in folder.iterdir()) == ["network.json", "tensors.safetensors", "training.json"]
    network = storage.load(folder)
    assert network.name == name
    assert network.levels == int(name[-1])
    assert network.weight_bytes == WEIGHT_BYTES[name[:-3]]
    training = read_record(folder / "training.json", {"network": str, "dataset": str, "levels": int, "seed": int})
    assert (training["dataset"], training["levels"]) == (name.split("-")[0], network.levels)


def test_every_folder_has_a_name():
    folders = {path.parent.name for path in zoo.folder(zoo.NAMES[0]).parent.glob("*/network.json")}
    assert folders == set(zoo.NAMES)


def test_unknown():
    message = "network 'mnist' is not in the zoo; use " + ", ".join(f"zoo:{name}" for name in zoo.NAMES)
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        zoo.folder("mnist")
