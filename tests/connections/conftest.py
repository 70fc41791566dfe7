"""A build with its simulator, and every place at which its network can be reached."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.boards import litex_board, pynq_board
from tests.boards.board import Board, program
from tests.simulate.builds import build, compiled, locked, ready, run_folder, shared, simulated

import rebnet
from rebnet import flow
from rebnet.engine.connection import Connection

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]

PLACES = ("cpu", "simulator", "simulator with stalls", "serial", "pynq", "litex")
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


@pytest.fixture
def pynq(shared: Path, simulated: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pynq_board.Board]:
    """The build's accelerator in its AXI shell; `place` is the folder that is copied to the board."""
    place, program = shared / "deploy", shared / "pynq" / "simulator"
    with locked(shared / "pynq.lock"):
        if not place.exists():
            copied = shared / "with-shell"
            shutil.rmtree(copied, ignore_errors=True)
            shutil.rmtree(program.parent, ignore_errors=True)
            shutil.copytree(simulated, copied)
            flow.generate(copied, target="axi")
            pynq_board.program(copied, program.parent)
            flow.generate(copied, target="deploy", output=place)
            for name in ("x.bit", "x.hwh"):
                (place / name).write_text("")
    there = pynq_board.Board(program, "accelerator_axi", 3)
    there.place = place
    monkeypatch.setitem(sys.modules, "pynq", there.pynq())
    yield there
    there.close()


@pytest.fixture
def litex(shared: Path, compiled: Path) -> Iterator[Board]:
    """The build's accelerator in a LiteX SoC; `place` is where its csr.json lies."""
    if not litex_board.installed():
        pytest.skip(litex_board.MISSING)
    place = shared / "litex"
    with locked(shared / "litex.lock"):
        if not (place / "simulator").exists():
            shutil.rmtree(place, ignore_errors=True)
            litex_board.program(compiled, place, seed=6)
    there = Board(place / "simulator")
    there.place = place
    yield there
    there.close()


@pytest.fixture(params=PLACES)
def connection(request: pytest.FixtureRequest, simulated: Path) -> Iterator[Connection]:
    """What answers at each place, for the same build."""
    kind = request.param
    if kind == "serial":
        port = request.getfixturevalue("board").port
        there = rebnet.connect(f"serial:{port}?baud={BAUD}", simulated)
    elif kind == "pynq":
        there = rebnet.connect(f"pynq:{request.getfixturevalue('pynq').place}?timeout=2", simulated)
    elif kind == "litex":
        board = request.getfixturevalue("litex")
        there = rebnet.connect(f"litex:{board.port}?csr={board.place / 'csr.json'}", simulated)
    else:
        forms = {"cpu": "{}", "simulator": "simulator:{}", "simulator with stalls": "simulator:{}?stalls=7"}
        there = rebnet.connect(forms[kind].format(simulated))
    with there:
        yield there
