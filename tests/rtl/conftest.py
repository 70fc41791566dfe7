"""The simulator, as a fixture."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rebnet.simulate.build import verilator_folder

from .bench import simulate as run


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def verilator(monkeypatch: pytest.MonkeyPatch) -> str:
    """Command that starts Verilator; its folder is first on PATH while a test runs."""
    folder = verilator_folder()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return str(folder / "verilator")


@pytest.fixture
def simulate(shared: Path, passed: Path | None) -> Callable[..., None]:
    """`bench.simulate` in the session's folder."""
    return partial(run, shared, passed)
