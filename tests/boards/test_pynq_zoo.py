"""The driver for PYNQ, unchanged, against the shells of shipped networks: real test sets, scores of the reference.

`REBNET_PYNQ_ZOO=1 pytest tests/boards/test_pynq_zoo.py -s` sends 200 images of CIFAR-10 instead of 10, for minutes,
and prints cycles an image and images/s at the clock of `CLOCK_HZ`, which is asked for, not timed.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.boards.pynq_board import program
from tests.boards.test_pynq import Place

from rebnet import datasets, flow, zoo
from rebnet.datasets.dataset import Dataset
from rebnet.engine.reference import run, run_mixed
from rebnet.ir import storage
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import BatchNorm, ResidualSign
from rebnet.spec.scores import labels as labels_of
from rebnet.stages.folding import FOLDING_FILE, read_accelerator

CLOCK_HZ = 100_000_000
"""What PYNQ sets its first clock of the fabric to, unless it is asked for another."""

pytestmark = [pytest.mark.rtl, pytest.mark.timeout(1200)]


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Compiles a network at the paper's folding, with its shell, and makes a board of it."""
    made: list[Place] = []

    def of(network: str, **options: object) -> Place:
        build = tmp_path / "build"
        flow.compile(network, build, folding="paper", shell="axi", board="pynq-z2", **options)
        made.append(Place(build, program(build, tmp_path / "simulated"), tmp_path / "board", monkeypatch, 0))
        return made[-1]

    yield of
    for one in made:
        one.board.close()


def cycles_of(accelerator) -> int:
    """Cycles in which an image was inside, since the counter was cleared."""
    return accelerator._read("CYCLES") | accelerator._read("CYCLES_HIGH") << 32


def told(network: str, images: int, cycles: int, right: int) -> None:
    """One line for who measures."""
    print(
        f"\n{network}: {images:,} images, {right / images:.2%} right, {cycles / images:.1f} cycles an image, "
        f"{CLOCK_HZ * images / cycles:,.0f} images/s at {CLOCK_HZ / 1e6:.0f} MHz"
    )


def goes_through(there: Place, name: str, given: Dataset, bound: int, some: int) -> None:
    """All images, at M: labels; then scores of `some`, at every level, and at levels that change."""
    images, network = given.test_images, there.network
    expected = run(network, images)
    with there.open(timeout_s=10.0) as accelerator:
        accelerator._write("CONTROL", accelerator._bit("CONTROL.CLEAR"))
        labels = accelerator.labels(images)
        cycles = cycles_of(accelerator)
        assert (labels == labels_of(expected)).all()
        told(name, len(images), cycles, int((labels == given.test_labels).sum()))
        transfers = -(-len(images) // accelerator.batch)
        assert bound * len(images) <= cycles <= bound * (len(images) + 5 * transfers)  # a transfer fills the pipeline
        few = images[:some]
        for m in network.served:
            assert (accelerator.predict(few, m) == run(network, few, levels=m)).all()
        own = np.resize(network.served, len(few))
        assert (accelerator.predict(few, own) == run_mixed(network, few, own)).all()


def bound_of(there: Place) -> int:
    """Cycles of an image in the slowest layer."""
    layers = read_accelerator(there.build / FOLDING_FILE, there.network).layers
    return max(layer.cycles(there.network.levels) for layer in layers)


@pytest.mark.data("mnist")
def test_the_whole_test_set_of_mnist(deployed: Callable[..., Place], data_dir: Path) -> None:
    there = deployed("zoo:mnist-arch-1-m2")
    goes_through(there, "mnist-arch-1-m2", datasets.load("mnist", data_dir), bound_of(there), 100)


@pytest.mark.data("cifar10")
def test_images_of_cifar10(deployed: Callable[..., Place], data_dir: Path) -> None:
    there = deployed("zoo:cifar10-arch-2-m1")
    count = 200 if os.environ.get("REBNET_PYNQ_ZOO") else 10
    given = datasets.load("cifar10", data_dir)
    few = replace(given, test_images=given.test_images[:count], test_labels=given.test_labels[:count])
    goes_through(there, "cifar10-arch-2-m1", few, bound_of(there), 3)


def widened(network: Network) -> Network:
    """The same network at m = 1, as one of three levels, each with factors of its own."""
    two, three = ResidualSign((0.5, 0.25), 2), (0.5, 0.25, 0.125)

    def more(node: Node) -> Node:
        if isinstance(node.op, ResidualSign):
            return replace(node, op=ResidualSign(three, 3, (node.op, two)))
        if isinstance(node.op, BatchNorm):
            sets = {
                name: np.repeat(np.atleast_2d(getattr(node.op, name)), 3, axis=0)
                for name in ("mean", "variance", "weight", "bias")
            }
            return replace(node, op=replace(node.op, **sets))
        return node

    return replace(network, levels=3, served=(1, 2, 3), nodes=tuple(map(more, network.nodes)))


@pytest.mark.data("mnist")
def test_trained_networks_come_and_go(deployed: Callable[..., Place], data_dir: Path, tmp_path: Path) -> None:
    """A bitstream of M = 3 becomes the any-level network, then the one of M = 1 with levels that it does not use.

    Then it is the first again. At m = 1 the widened network gives the labels of the one of M = 1 itself.
    """
    there = deployed("zoo:mnist-arch-1-m3", runtime_weights=True)
    one = storage.load(zoo.folder("zoo:mnist-arch-1-m1"))
    storage.save(widened(one), tmp_path / "widened")
    flow.compile("zoo:mnist-arch-1-m1", tmp_path / "one")
    sources = {"any": "zoo:mnist-arch-1-any", "widened": tmp_path / "widened", "first": "zoo:mnist-arch-1-m3"}
    images = datasets.load("mnist", data_dir).test_images[:200]
    own = np.resize([1, 2, 3, 1, 3], len(images))
    with there.open(timeout_s=10.0) as accelerator:
        assert (accelerator.predict(images) == run(there.network, images)).all()
        for name, source in sources.items():
            flow.compile(source, tmp_path / f"{name}-build")
            words = tmp_path / f"{name}-words"
            flow.generate(there.build, target="weights", network=tmp_path / f"{name}-build", output=words)
            network = storage.load(tmp_path / f"{name}-build")
            accelerator.load(words / "weights.bin")
            for m in (1, 2, 3):
                assert (accelerator.predict(images, m) == run(network, images, levels=m)).all()
            assert (accelerator.predict(images, own) == run_mixed(network, images, own)).all()
            if name == "widened":
                itself = run(storage.load(tmp_path / "one"), images)
                assert (accelerator.predict(images, 1) == itself).all()
        assert (accelerator.predict(images) == run(there.network, images)).all()
