"""serial: who answers, and everything that can go wrong on a line; behind the line is the shell's RTL."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.boards.board import Board, program
from tests.connections.conftest import BAUD
from tests.connections.test_connections import IMAGES
from tests.ir.networks import exported
from tests.simulate.builds import locked, network, save_run

import rebnet
from rebnet import flow
from rebnet.boards.shells.uart.identity import BYTES, Identity
from rebnet.errors import BoardError, DatasetError, FileFormatError, OptionError
from rebnet.records import Ports, read

pytestmark = pytest.mark.rtl


def reach(board: Board, build: Path, options: str = "&timeout=1"):
    return rebnet.connect(f"serial:{board.port}?baud={BAUD}{options}", build)


@pytest.fixture
def silent() -> Iterator[str]:
    """A port behind which nobody is."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_an_identity_is_read_as_it_was_written(compiled: Path):
    for scores in (True, False):
        identity = Identity.of(read(compiled / Ports.FILE, Ports), scores=scores)
        assert len(identity.data) == BYTES
        assert Identity.read(identity.data) == identity
        assert identity.word.to_bytes(BYTES, "little") == identity.data
    assert Identity.read(identity.data[:-1]) is None
    assert Identity.read(b"x" + identity.data[1:]) is None
    with pytest.raises(BoardError, match="in version 9, and this rebnet reads 1"):
        Identity.read(identity.data[:4] + b"\x09" + identity.data[5:])


def test_the_board_says_who_it_is(board: Board, compiled: Path):
    with reach(board, compiled) as there:
        assert there.told
        assert "serial:" + board.port in repr(there)


def test_junk_before_the_first_answer(board: Board, compiled: Path):
    """What was on the line before, and half an image of somebody who has gone."""
    board.say(b"boot message\r\n\xff\x00RBNT")
    handle = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    os.write(handle, b"\x01" + bytes(30))
    os.close(handle)
    with reach(board, compiled) as there:
        assert there.told
        assert (there.predict(IMAGES[:3]) == rebnet.load(compiled).predict(IMAGES[:3])).all()


def test_a_silent_line(silent: str, compiled: Path):
    start = time.monotonic()
    with pytest.raises(BoardError) as error:
        rebnet.connect(f"serial:{silent}?baud=500000&timeout=0.5", compiled)
    assert str(error.value) == (
        f"{silent}: none of 61 bytes of an answer came in 0.5 s, to an image of 65 bytes at 500000 baud; check that "
        "the board has power, its bitstream and this port, that no other program has taken the answer, and the speed "
        "(?baud=)"
    )
    assert time.monotonic() - start < 6


def test_a_line_that_never_stops(compiled: Path):
    stop = threading.Event()
    master, slave = pty.openpty()
    tty.setraw(slave)

    def chatter() -> None:
        while not stop.wait(0.02):
            os.write(master, b"tick")

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        with pytest.raises(BoardError, match="bytes come without a question, for 3 s and on"):
            rebnet.connect(f"serial:{os.ttyname(slave)}?baud=500000", compiled)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)


def test_another_network_of_the_same_shape(board: Board, tmp_path: Path):
    flow.compile(save_run(tmp_path / "run", replace(network(), name="another")), tmp_path / "other")
    with pytest.raises(BoardError) as error:
        reach(board, tmp_path / "other")
    assert "another network answers (8x8x1, M = 3, network " in str(error.value)
    assert "program the board with the build's bitstream" in str(error.value)


def test_an_image_of_another_shape_sends_nothing(board: Board, compiled: Path):
    with reach(board, compiled) as there:
        board.swallow = 1
        with pytest.raises(DatasetError, match="takes uint8 of shape"):
            there.predict(np.zeros((1, 9, 9, 1), dtype=np.uint8))
        assert board.swallow == 1
        board.swallow = 0
        assert there.predict(IMAGES[:1]).shape == (1, 10)


def test_half_an_answer_and_then_all_is_well(board: Board, compiled: Path):
    with reach(board, compiled) as there:
        scores = there.predict(IMAGES[:2])
        board.most = 20
        with pytest.raises(BoardError, match=r"20 of 61 bytes of an answer came in 1\.0 s, to an image of 65 bytes"):
            there.predict(IMAGES[:2])
        board.most = None
        assert (there.predict(IMAGES[:2]) == scores).all()


def test_half_an_image_is_given_up(board: Board, compiled: Path):
    """An interrupt in the midst of an image: the shell gives it up, and the next is whole."""
    with reach(board, compiled) as there:
        scores = there.predict(IMAGES[:2])
        there._host._unsure = True
        there._host._line.write(b"\x02" + bytes(17), 1)
        assert (there.predict(IMAGES[:2]) == scores).all()


def test_lost_on_the_way_to_the_board(board: Board, compiled: Path):
    with reach(board, compiled) as there:
        board.swallow = 65
        with pytest.raises(BoardError, match="so bytes were lost on the way"):
            there.predict(IMAGES[:1])
        assert (there.predict(IMAGES[:1]) == rebnet.load(compiled).predict(IMAGES[:1])).all()


def test_a_bit_that_was_turned_over(board: Board, compiled: Path):
    """Where the label no longer is that of the largest score."""
    with reach(board, compiled) as there:
        label = there.labels(IMAGES[0])
        board.flip = 60
        with pytest.raises(BoardError, match=r"an answer's label is \d, and the largest of its scores that of \d"):
            there.predict(IMAGES[:1])
        assert there.labels(IMAGES[0]) == label


def test_a_line_that_closes(board: Board, compiled: Path):
    there = reach(board, compiled)
    there.predict(IMAGES[:1])
    board.hang_up = True
    with pytest.raises(BoardError, match=r": the line was closed; is the board still plugged in\? Connect again$"):
        there.predict(IMAGES[:1])
    with pytest.raises(BoardError):
        there.predict(IMAGES[:1])
    there.close()


def test_two_users_of_one_port(board: Board, compiled: Path):
    with reach(board, compiled) as there:
        with pytest.raises(BoardError, match=r": another program has it open; end that first \(fuser "):
            reach(board, compiled)
        code = f"import rebnet; rebnet.connect('serial:{board.port}?baud={BAUD}', {str(compiled)!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert "another program has it open" in other.stderr
        assert there.predict(IMAGES[:1]).shape == (1, 10)
    with reach(board, compiled) as there:
        assert there.told


def test_ctrl_c_in_the_midst(board: Board, compiled: Path, heeds_ctrl_c: None):
    with reach(board, compiled, "&timeout=20") as there:
        scores = there.predict(IMAGES[:2])
        board.most = 10
        threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            there.predict(IMAGES[:2])
        board.most = None
        assert (there.predict(IMAGES[:2]) == scores).all()


def test_ports_that_are_none(tmp_path: Path, compiled: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BoardError, match=r"ttyNO: no such port; (there are|there is no) /dev/tty"):
        rebnet.connect("serial:/dev/ttyNO?baud=1000", compiled)
    for name in ("file", "."):
        with pytest.raises(BoardError, match=r"is no serial port|cannot be opened"):
            rebnet.connect(f"serial:{tmp_path / name}?baud=1000", compiled)


def test_what_a_place_must_say(silent: str, compiled: Path, tmp_path: Path):
    with pytest.raises(OptionError, match="which network should answer"):
        rebnet.connect(f"serial:{silent}")
    with pytest.raises(OptionError, match=r"no record of a bitstream that says the speed of the line; add it: serial:"):
        rebnet.connect(f"serial:{silent}", compiled)
    with pytest.raises(OptionError, match="there is no option 'parity'; it knows baud, timeout"):
        rebnet.connect(f"serial:{silent}?parity=1", compiled)
    shutil.copytree(compiled, tmp_path / "x")
    (tmp_path / "x" / "ports.json").unlink()
    with pytest.raises(FileFormatError, match=r"ports\.json"):
        rebnet.connect(f"serial:{silent}?baud=1000", tmp_path / "x")


@pytest.fixture(scope="session")
def variant(shared: Path, compiled: Path) -> Callable[..., Board]:
    """Boards of the same build: one that cannot be asked, one that sends labels alone."""

    def of(name: str, **options: bool) -> Board:
        with locked(shared / f"{name}.lock"):
            if not (shared / name / "simulator").exists():
                program(compiled, shared / name, **options)
        return Board(shared / name / "simulator")

    return of


def test_a_bitstream_of_before(variant: Callable[..., Board], compiled: Path, tmp_path: Path):
    """It is asked in vain, gives the question up, and is known by its scores."""
    board = variant("old-device", old=True)
    try:
        with reach(board, compiled) as there:
            assert not there.told
            levels = [1, 2, 3, 1]
            assert (there.predict(IMAGES[:4], levels) == rebnet.load(compiled).predict(IMAGES[:4], levels)).all()
        flow.compile(save_run(tmp_path / "run", exported(2, 3, 8, (8, 8, 1), (12, 9), 10)), tmp_path / "other")
        with pytest.raises(BoardError, match="its scores are not those of the build"):
            reach(board, tmp_path / "other")
    finally:
        board.close()


def test_a_bitstream_of_labels_alone(variant: Callable[..., Board], compiled: Path):
    board = variant("label-device", scores=False)
    try:
        with reach(board, compiled) as there:
            cpu = rebnet.load(compiled)
            assert (there.labels(IMAGES[:5]) == cpu.labels(IMAGES[:5])).all()
            assert (there.labels(IMAGES[:5], 1) == cpu.labels(IMAGES[:5], 1)).all()
            assert there.labels(IMAGES[0]).shape == ()
            assert there.names(IMAGES[:2]) == cpu.names(IMAGES[:2])
            with pytest.raises(OptionError, match="was made with --no-scores; take labels"):
                there.predict(IMAGES[:1])
    finally:
        board.close()
