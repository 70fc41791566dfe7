"""Fixtures that every room's tests may use."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

_FOLDERS = {"cifar10": "cifar-10-batches-bin"}


@pytest.fixture(scope="session", autouse=True)
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache during a test run: a folder that all of its workers share, so each simulator is built once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        if "YOWASP_CACHE_DIR" not in os.environ:  # a compiled tool of a minute, which is not the project's
            patch.setenv("YOWASP_CACHE_DIR", platformdirs.user_cache_dir("YoWASP", appauthor=False))
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts the test runner, also where it was started in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
