"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest

_FOLDERS = {"cifar10": "cifar-10-batches-bin"}


@pytest.fixture
def data_dir(request: pytest.FixtureRequest) -> Path:
    """The folder REBNET_DATA_DIR, for a test marked `data(name)`; skips where it has no such data set."""
    value = os.environ.get("REBNET_DATA_DIR")
    if not value:
        pytest.skip("REBNET_DATA_DIR is not set")
    folder = Path(value)
    for marker in request.node.iter_markers("data"):
        for name in marker.args:
            if not (folder / _FOLDERS.get(name, name)).is_dir():
                pytest.skip(f"REBNET_DATA_DIR={folder} does not hold {name}")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--networks", type=int, default=50, help="random networks to draw (tests/networks, tests/engine)")
    parser.addoption("--all-images", action="store_true", help="all of CIFAR-10 also where it is slow (tests/engine)")
