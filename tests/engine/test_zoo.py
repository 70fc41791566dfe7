"""The shipped networks over all test images: every instruction set has the same scores, and the reference's.

`pytest tests/engine/test_zoo.py --all-images` leaves out no image on the slow instruction sets either.
"""

from pathlib import Path

import numpy as np
import pytest

from rebnet import zoo
from rebnet.datasets import load
from rebnet.engine import reference
from rebnet.engine.predictor import Predictor, instruction_sets
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.lower import lower

FAST = ("amx", "avx512")
"""Instruction sets with thousands of CIFAR-10 images a second; the others and the reference have some hundreds."""
STEP = 40
"""Of the images, one of so many goes through the slow ones."""


def scores(network: Network, name: str, images: np.ndarray, m: int) -> np.ndarray:
    return Predictor(network, 1, name).run(images, m, lambda images_done: None)


def shipped(dataset: str) -> list[str]:
    return [name for name in zoo.NAMES if name.startswith(dataset)]


@pytest.mark.data("mnist")
@pytest.mark.parametrize("name", shipped("mnist"))
def test_all_of_mnist(name: str, data_dir: Path) -> None:
    images = load("mnist", data_dir).test_images
    network = lower(storage.load(zoo.folder(name)))
    for m in network.served:
        expected = reference.run(network, images, m)
        for instruction_set in instruction_sets():
            assert np.array_equal(scores(network, instruction_set, images, m), expected), (instruction_set, m)


@pytest.mark.data("cifar10")
@pytest.mark.parametrize("name", shipped("cifar10"))
def test_all_of_cifar10(name: str, data_dir: Path, pytestconfig: pytest.Config) -> None:
    images = load("cifar10", data_dir).test_images
    network = lower(storage.load(zoo.folder(name)))
    fast = instruction_sets() if pytestconfig.getoption("all_images") else FAST
    for m in network.served:
        few = reference.run(network, images[::STEP], m)
        every = None
        for instruction_set in instruction_sets():
            if instruction_set not in fast:
                assert np.array_equal(scores(network, instruction_set, images[::STEP], m), few), (instruction_set, m)
                continue
            found = scores(network, instruction_set, images, m)
            every = found if every is None else every
            assert np.array_equal(found[::STEP], few), (instruction_set, m)
            assert np.array_equal(found, every), (instruction_set, m)
