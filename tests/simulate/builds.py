"""A small network from its exported form to its simulator, made once in a whole test run and copied where needed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ir.networks import exported

from rebnet import datasets, flow
from rebnet.files import write_record
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.notation import DenseText, parse
from rebnet.ir.ops import Dense
from rebnet.simulate import simulate

TEXT = "8x8x1 - D12(5,16) - D9(2,5) - D10(3,4)"
LEVELS = 3
LAYERS = ("layer1", "layer2", "layer3")


def network(text: str = TEXT) -> Network:
    """A random exported network of three levels for the digits; by itself with foldings that divide nothing."""
    layers = parse(text).layers
    rows = [layer.rows for layer in layers if isinstance(layer, DenseText)]
    drawn = exported(1, LEVELS, 8, (8, 8, 1), tuple(rows[:-1]), rows[-1])
    foldings = iter([layer.folding for layer in layers])
    ops = [replace(op, folding=next(foldings)) if isinstance(op, Dense) else op for op in drawn.ops]
    return drawn.with_ops(tuple(ops))


def save_run(folder: Path, exported_network: Network | None = None) -> Path:
    """What the zoo holds of a network: its exported form and a training.json."""
    storage.save(exported_network or network(), folder)
    training = {"network": TEXT, "dataset": "digits", "levels": LEVELS, "test_accuracy": 12.5}
    write_record(folder / "training.json", training)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def compiled(shared: Path) -> Path:
    """A build without its simulator; for reading only."""
    folder = shared / "compiled"
    with locked(shared / "compiled.lock"):
        if not folder.exists():
            flow.compile(save_run(shared / "run"), folder)
    return folder


@pytest.fixture(scope="session")
def simulated(shared: Path, compiled: Path) -> Path:
    """A build with its simulator; for reading only."""
    folder = shared / "simulated"
    with locked(shared / "simulated.lock"):
        if not (folder / "simulation.json").exists():
            shutil.copytree(compiled, folder)
            simulate(folder, datasets.load("digits"), images=2)
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """An exported network with its training.json, as the zoo holds them."""
    return save_run(tmp_path / "run")


@pytest.fixture
def build(compiled: Path, tmp_path: Path) -> Path:
    """A build of the test's own."""
    return shutil.copytree(compiled, tmp_path / "build")


@pytest.fixture
def ready(simulated: Path, tmp_path: Path) -> Path:
    """A build of the test's own with its simulator, and without the record of a simulation."""
    folder = shutil.copytree(simulated, tmp_path / "build")
    (folder / "simulation.json").unlink()
    return folder
