"""Fixtures that every room's tests may use."""

import hashlib
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

_FOLDERS = {"cifar10": "cifar-10-batches-bin"}
_INSTALLED = Path("/usr/share/datasets")
"""Where Debian's packages of data sets (dataset-fashion-mnist) put them, in their published layout."""
_KEPT = Path(platformdirs.user_cache_dir("rebnet")) / "tests"  # before the tests have a cache of their own
_BENCHES = ("rtl", "boards")

if "PYTEST_XDIST_WORKER" in os.environ:  # workers have a core each; more threads would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def user_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache during a test run, which all of its workers share: each simulator is built once.

    It stays for later runs, in the user's own cache, while the rooms that fill it are as they are; not with `--fresh`.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    if not request.config.getoption("fresh"):
        rooms = Path(__file__).parents[1] / "src" / "rebnet"
        files = sorted(path for room in ("simulate", "synthesize") for path in (rooms / room).glob("*.*p*"))
        folder = _KEPT / hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    with pytest.MonkeyPatch.context() as patch:
        if "YOWASP_CACHE_DIR" not in os.environ:  # a compiled tool of a minute, which is not the project's
            patch.setenv("YOWASP_CACHE_DIR", platformdirs.user_cache_dir("YoWASP", appauthor=False))
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def passed(request: pytest.FixtureRequest) -> Path | None:
    """Folder in the user's own cache that tells which benches have passed, with all that these depended on."""
    return None if request.config.getoption("fresh") else _KEPT


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts the test runner, also where it was started in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def data_dir(request: pytest.FixtureRequest) -> Path:
    """The folder REBNET_DATA_DIR, or that of Debian's packages, for a test marked `data(name)`; skips without it."""
    names = [name for marker in request.node.iter_markers("data") for name in marker.args]
    value = os.environ.get("REBNET_DATA_DIR")
    folders = [Path(value), _INSTALLED] if value else [_INSTALLED]
    for folder in folders:
        if all((folder / _FOLDERS.get(name, name)).is_dir() for name in names):
            return folder
    pytest.skip(
        f"REBNET_DATA_DIR={value} does not hold {' and '.join(names)}" if value else "REBNET_DATA_DIR is not set"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the files in `long.txt` are marked `long` and go first, in its order, so that none is left at the end.

    pytest-xdist gives each of its workers one part of the list to begin with: files of benches, whose cases share a
    simulator, and other long tests are dealt out to these parts.
    """
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate((here / "long.txt").read_text().split())}
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    dealt: dict[Path | pytest.Item, list[pytest.Item]] = {}
    others = []
    for item in sorted(items, key=lambda item: places.get(item.path, len(places))):
        if item.path in places:
            item.add_marker("long")
            dealt.setdefault(item.path if item.path.parent.name in _BENCHES else item, []).append(item)
        else:
            others.append(item)
    hands = [[item for group in list(dealt.values())[worker::workers] for item in group] for worker in range(workers)]
    share = -(-len(items) // workers)
    for hand in hands:
        room = max(share - len(hand), 0)
        hand.extend(others[:room])
        del others[:room]
    items[:] = [*itertools.chain(*hands), *others]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--networks", type=int, default=100, help="random networks to draw (tests/networks, tests/engine)")
    parser.addoption("--first-bundle", type=int, default=0, help="seed of the first 25 of them (tests/networks)")
    parser.addoption("--all-images", action="store_true", help="all of CIFAR-10 also where it is slow (tests/engine)")
    parser.addoption("--fresh", action="store_true", help="play every bench, also where it passed with the same files")
