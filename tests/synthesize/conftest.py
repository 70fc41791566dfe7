"""A compiled network, small enough to print, made once."""

import shutil
from pathlib import Path

import pytest
from tests.ir.networks import exported

from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("made") / "build"
    storage.save(lower(exported(1, 1, 8, (2, 2, 1), (4,), 2)), build)
    fold(build)
    generate(build)
    return build


@pytest.fixture
def compiled(made: Path, tmp_path: Path) -> Path:
    """A build of the test's own."""
    return shutil.copytree(made, tmp_path / "build")
