"""A build with its simulator, and every place at which its network can be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.boards.board import Board, program
from tests.simulate.builds import build, compiled, locked, ready, run_folder, shared, simulated

import rebnet
from rebnet.engine.connection import Connection

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]

PLACES = ("cpu", "simulator", "simulator with stalls", "serial")
BAUD = 1_000_000


@pytest.fixture(scope="session")
def device(shared: Path, compiled: Path) -> Path:
    """The simulator of a board with the build's accelerator."""
    with locked(shared / "device.lock"):
        if not (shared / "device" / "simulator").exists():
            program(compiled, shared / "device")
    return shared / "device" / "simulator"


@pytest.fixture
def board(device: Path) -> Iterator[Board]:
    """A board that runs."""
    there = Board(device)
    yield there
    there.close()


@pytest.fixture(params=PLACES)
def connection(request: pytest.FixtureRequest, simulated: Path) -> Iterator[Connection]:
    """What answers at each place, for the same build."""
    kind = request.param
    if kind == "serial":
        port = request.getfixturevalue("board").port
        there = rebnet.connect(f"serial:{port}?baud={BAUD}", simulated)
    else:
        forms = {"cpu": "{}", "simulator": "simulator:{}", "simulator with stalls": "simulator:{}?stalls=7"}
        there = rebnet.connect(forms[kind].format(simulated))
    with there:
        yield there
