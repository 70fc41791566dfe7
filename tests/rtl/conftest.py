"""The simulator, as a fixture."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rebnet.simulate.build import verilator_folder

from .bench import simulate as run


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the simulator's own object files, compiled by the first bench of a session and kept."""
    return tmp_path_factory.mktemp("runtime")


@pytest.fixture
def verilator(monkeypatch: pytest.MonkeyPatch) -> str:
    """Command that starts Verilator; its folder is first on PATH while a test runs."""
    folder = verilator_folder()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return str(folder / "verilator")


@pytest.fixture
def simulate(verilator: str, runtime: Path, tmp_path: Path) -> Callable[..., None]:
    """`bench.simulate` in a folder of its own."""
    return partial(run, tmp_path, runtime)
