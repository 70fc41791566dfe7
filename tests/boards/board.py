"""A board that is simulated: the UART shell's RTL and an accelerator behind a pseudo-terminal, with faulty wires."""

import os
import pty
import select
import shutil
import subprocess
import threading
import tty
from contextlib import suppress
from pathlib import Path

from rebnet.boards.shells.uart import MODULES, device_text, source
from rebnet.generate.check import checked
from rebnet.rtl import source as library
from rebnet.simulate.build import compile_units, find_tools, verilate
from rebnet.simulate.cache import default_folder

BIT_CLOCKS, TIMEOUT = 4, 20_000
QUESTION_RTL = "byte_data == QUESTION"


def program(build: Path, folder: Path, *, scores: bool = True, old: bool = False) -> Path:
    """Build the simulator of a board with the accelerator of `build`, in `folder`; where `old`, it cannot be asked."""
    made = checked(build)
    texts = {f"{module}.sv": source(module).read_text() for module in MODULES}
    if old:
        assert QUESTION_RTL in texts["shell.sv"]
        texts["shell.sv"] = texts["shell.sv"].replace(QUESTION_RTL, "1'b0 && byte_data == QUESTION")
    sources = {
        "fifo.sv": library("fifo").read_text(),
        **{Path(file).name: text for file, text in made.sources.items()},
        **texts,
        "device.sv": device_text(made.ports, scores=scores),
    }
    folder.mkdir()
    made.write(folder)
    tools = find_tools()
    options = ["-sv", "-O3", "-Wno-fatal", "-DREBNET_COUNTONES", f"-GBIT_CLOCKS={BIT_CLOCKS}", f"-GTIMEOUT={TIMEOUT}"]
    verilate(tools, folder, options, "device", sources)
    shutil.copyfile(Path(__file__).with_name("pins.cpp"), folder / "harness.cpp")
    default_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    compile_units(tools, default_folder(), folder, "-Og")
    return folder / "simulator"


class Board:
    """A running board.

    Attributes:
        port: the device that a host opens.
        swallow: bytes from the host that are lost, the next ones.
        most: bytes that the host still gets, None for all; then the wire is silent.
        flip: of which byte to the host the lowest bit is turned over, counted from now; none below 0.
        hang_up: whether the line closes instead of an answer.
        place: a folder that goes with it, where a test has one.
    """

    place: Path

    def __init__(self, program: Path) -> None:
        self.swallow, self.hang_up, self.flip = 0, False, -1
        self.most: int | None = None
        self._process = subprocess.Popen(
            [program, str(BIT_CLOCKS), str(4 * TIMEOUT)],
            cwd=program.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave  # kept open: a master without any slave has no line
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Bytes of nobody on the line to the host."""
        os.write(self._master, data)

    def _run(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answers = self._process.stdout.fileno()
        while True:
            ready = select.select([self._wake, self._master, answers], [], [])[0]
            if self._wake in ready:
                return
            if self._master in ready and not self._take(self._process.stdin.fileno()):
                return
            if answers in ready and not self._give(os.read(answers, 4096)):
                return

    def _take(self, device: int) -> bool:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return False
        lost = min(self.swallow, len(data))
        self.swallow -= lost
        os.write(device, data[lost:])
        return True

    def _give(self, data: bytes) -> bool:
        if self.hang_up:
            os.close(self._slave)
            os.close(self._master)
            self._slave = self._master = -1
            return False
        if 0 <= self.flip < len(data):
            data = data[: self.flip] + bytes([data[self.flip] ^ 1]) + data[self.flip + 1 :]
        self.flip -= len(data)
        if self.most is not None:
            data = data[: self.most]
            self.most -= len(data)
        if data:
            os.write(self._master, data)
        return True

    def close(self) -> None:
        os.write(self._stop, b"x")
        self._thread.join()
        self._process.kill()
        with self._process:
            pass
        for handle in (self._master, self._slave, self._wake, self._stop):
            with suppress(OSError):
                os.close(handle)
