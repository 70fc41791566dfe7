"""serial: answers that no shell would give, and options that no port can have; behind the line is a script."""

import fcntl
import os
import pty
import select
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.connections.test_connections import IMAGES

import rebnet
from rebnet.boards.shells.uart.identity import Identity
from rebnet.engine.predictor import Predictor
from rebnet.errors import BoardError, OptionError
from rebnet.records import Ports, read

TIOCGEXCL = 0x80045440  # of asm-generic/ioctls.h
IMAGE_BYTES = 65


class Script:
    """A port behind which a thread answers: who it is, and scores, changed by `change`."""

    def __init__(self, identity: Identity, cpu: Predictor) -> None:
        self.identity, self._cpu = identity, cpu
        self.change: Callable[[bytes], bytes] = bytes
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        data, last = b"", time.monotonic()
        while not self._stopped.is_set():
            if not select.select([self._master], [], [], 0.02)[0]:
                data = b"" if time.monotonic() > last + 0.1 else data
                continue
            data, last = data + os.read(self._master, 4096), time.monotonic()
            while data[:1] == b"\xff":
                data = data[1:]
                os.write(self._master, self.identity.data)
            if len(data) >= IMAGE_BYTES:
                os.write(self._master, self.change(self._answer(data[:IMAGE_BYTES])))
                data = data[IMAGE_BYTES:]

    def _answer(self, image: bytes) -> bytes:
        scores = self._cpu.predict(np.frombuffer(image[1:], dtype=np.uint8).reshape(8, 8, 1), image[0])
        words = (int(score).to_bytes(6, "little", signed=True) for score in scores)
        return b"".join(words if self.identity.scores else ()) + bytes([int(np.argmax(scores))])

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def cpu(compiled: Path) -> Predictor:
    return rebnet.load(compiled)


@pytest.fixture
def script(compiled: Path, cpu: Predictor) -> Iterator[Script]:
    there = Script(Identity.of(read(compiled / Ports.FILE, Ports)), cpu)
    yield there
    there.close()


def reach(script: Script, build: Path, options: str = "baud=1000000&timeout=0.5"):
    return rebnet.connect(f"serial:{script.port}?{options}", build)


def test_the_script_is_a_board(script: Script, compiled: Path, cpu: Predictor):
    with reach(script, compiled) as there:
        assert (there.predict(IMAGES[:5]) == cpu.predict(IMAGES[:5])).all()


@pytest.mark.parametrize(
    "changed",
    [{"answers": 0}, {"answers": 8}, {"answers": 1 << 31}, {"score_bytes": 0}, {"levels": 2}, {"image": (8, 4, 2)}],
)
def test_who_answers_was_changed_on_the_way(script: Script, compiled: Path, changed: dict[str, object]):
    script.identity = replace(script.identity, **changed)
    with pytest.raises(
        BoardError, match="the network that answers is the build's, and what the shell says of it is not"
    ):
        reach(script, compiled)


def test_labels_alone(script: Script, compiled: Path, cpu: Predictor):
    """One that there is not is refused; a byte of nobody behind an answer is not taken for the next one."""
    script.identity = replace(script.identity, scores=False)
    with reach(script, compiled) as there:
        assert (there.labels(IMAGES[:4]) == cpu.labels(IMAGES[:4])).all()
        script.change = lambda answer: answer + b"\x05"
        assert (there.labels(IMAGES[:3]) == cpu.labels(IMAGES[:3])).all()
        script.change = lambda answer: b"\x0a"
        with pytest.raises(BoardError, match="an answer's label is 10, and there are 10; bytes were lost or changed"):
            there.names(IMAGES[:2])


def test_a_byte_of_nobody_behind_an_answer(script: Script, compiled: Path, cpu: Predictor):
    with reach(script, compiled) as there:
        script.change = lambda answer: answer + b"\xff"
        assert (there.predict(IMAGES[:2]) == cpu.predict(IMAGES[:2])).all()


@pytest.mark.parametrize("options", ["baud=5e9", "baud=1000000&timeout=1e10", "baud=1.5", "baud=0.3"])
def test_numbers_that_no_port_can_have(script: Script, compiled: Path, options: str):
    with pytest.raises(OptionError, match=r"is no (number above 0 and below 2\^31|whole number)"):
        reach(script, compiled, options)


def test_a_port_that_is_no_path(compiled: Path):
    with pytest.raises(BoardError, match="no such port"):
        rebnet.connect("serial:x\0y?baud=1000", compiled)


def test_a_child_leaves_the_port_to_its_parent(script: Script, compiled: Path):
    with reach(script, compiled) as there:
        child = os.fork()
        if child == 0:
            there.close()
            os._exit(0)
        os.waitpid(child, 0)
        handle = there._host._line._handle
        assert struct.unpack("i", fcntl.ioctl(handle, TIOCGEXCL, bytes(4))) == (1,)
