"""A serial port of Linux, 8 data bits, no parity, one stop bit, at any speed, for one user at a time."""

import errno
import fcntl
import os
import select
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from rebnet.errors import BoardError

# Of asm-generic/termbits.h and ioctls.h: x86, Arm, RISC-V. `termios` knows only the speeds that have names.
_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_BOTHER, _CBAUD = 0o010000, 0o010017
_TERMIOS2 = struct.Struct("=4IB19s2I")  # iflag, oflag, cflag, lflag, line, cc, ispeed, ospeed
_NEAR = 0.03  # of a speed, that a receiver bears
_CHUNK = 4096
_Given = TypeVar("_Given")
_Got = TypeVar("_Got")


class Line:
    """An open port. Every wait has an end.

    Args:
        port: its device, as /dev/ttyUSB0.
        baud: bits/s.

    Raises:
        BoardError: there is no such port, it is another's, or it cannot be that fast.
    """

    def __init__(self, port: str, baud: int) -> None:
        self.port, self.baud = port, baud
        self._handle, self._owner = _open(port), os.getpid()
        try:
            self._own()
            self._set(baud)
        except BaseException:
            self.close()
            raise

    def _own(self) -> None:
        """For others the port is busy: those who ask for a lock, and those who may not open what has a user."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(self.port) from None
        with suppress(OSError):
            fcntl.ioctl(self._handle, termios.TIOCEXCL)

    def _set(self, baud: int) -> None:
        control = termios.CS8 | termios.CREAD | termios.CLOCAL | _BOTHER
        characters = bytearray(19)
        characters[termios.VMIN] = 1
        wanted = _TERMIOS2.pack(0, 0, control & (~_CBAUD | _BOTHER), 0, 0, bytes(characters), baud, baud)
        try:
            fcntl.ioctl(self._handle, _TCSETS2, wanted)
            given = _TERMIOS2.unpack(fcntl.ioctl(self._handle, _TCGETS2, bytes(_TERMIOS2.size)))[-1]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BoardError(f"{self.port}: cannot be set to {baud} baud ({reason}); name a serial port") from None
        if abs(given - baud) > _NEAR * baud:
            raise BoardError(
                f"{self.port}: cannot do {baud} baud, the nearest is {given}; use another adapter, or a bitstream with "
                "another clock"
            )

    def write(self, data: bytes, seconds: float) -> None:
        """Send bytes.

        Raises:
            BoardError: they were not taken in `seconds`, or the port has gone.
        """
        end, left = time.monotonic() + seconds, memoryview(data)
        while left:
            if not self._ready(end, write=True):
                raise BoardError(
                    f"{self.port}: {len(left)} of {len(data)} bytes were not taken in {seconds:.1f} s; is something "
                    "else in its way? Plug it in again"
                )
            with suppress(BlockingIOError):
                left = left[self._call(os.write, left[:_CHUNK]) :]

    def read(self, count: int, seconds: float) -> bytes:
        """`count` bytes, or those that came in `seconds`.

        Raises:
            BoardError: the port has gone.
        """
        end, data = time.monotonic() + seconds, b""
        while len(data) < count and self._ready(end):
            with suppress(BlockingIOError):
                data += self._call(os.read, count - len(data)) or self._gone()
        return data

    def drain(self, quiet: float, most: float) -> bool:
        """Throw away what comes until nothing has come for `quiet` seconds; whether that was within `most`."""
        end = time.monotonic() + most
        while self.read(_CHUNK, min(quiet, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                return False
        return True

    def close(self) -> None:
        """Let go of the port; twice is the same as once. In a process that was forked the other keeps it."""
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        if self._owner == os.getpid():
            with suppress(OSError):
                fcntl.ioctl(handle, termios.TIOCNXCL)
        os.close(handle)

    def _ready(self, end: float, write: bool = False) -> bool:
        reads, writes = ([], [self._handle]) if write else ([self._handle], [])
        return any(select.select(reads, writes, [], max(0.0, end - time.monotonic())))

    def _call(self, call: Callable[[int, _Given], _Got], value: _Given) -> _Got:
        try:
            return call(self._handle, value)
        except OSError as error:
            if error.errno in (errno.EIO, errno.ENXIO, errno.ENODEV):
                self._gone()
            raise

    def _gone(self) -> NoReturn:
        raise BoardError(f"{self.port}: the line was closed; is the board still plugged in? Connect again")


def _open(port: str) -> int:
    try:
        handle = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, ValueError):  # no path at all, with a zero in it
        raise BoardError(f"{port}: no such port; {_there_are()}") from None
    except PermissionError:
        raise BoardError(
            f"{port}: you may not open it; become a member of its group ({_group(port)}) and log in again"
        ) from None
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(port) from None
        reason = (error.strerror or str(error)).lower()
        raise BoardError(f"{port}: cannot be opened ({reason}); {_there_are()}") from None
    if not os.isatty(handle):
        os.close(handle)
        raise BoardError(f"{port}: is no serial port; {_there_are()}")
    return handle


def _busy(port: str) -> BoardError:
    return BoardError(f"{port}: another program has it open; end that first (fuser {port} names it)")


def _there_are() -> str:
    found = sorted(str(path) for kind in ("ttyUSB*", "ttyACM*") for path in Path("/dev").glob(kind))
    return f"there are {', '.join(found)}" if found else "there is no /dev/ttyUSB or /dev/ttyACM; plug the board in"


def _group(port: str) -> str:
    with suppress(OSError, KeyError):
        return Path(port).group()
    return "dialout"
