"""Benches in one folder, as fixtures."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from .bench import simulate as run


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def simulate(shared: Path, passed: Path | None) -> Callable[..., None]:
    """`bench.simulate` in the session's folder."""
    return partial(run, shared, passed)
