"""A block that is given up after a while, whatever it computes in Python or waits for."""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(BaseException):  # nobody's `except Exception` is meant
    """The block took longer than it may; raised in it."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the block after so many seconds.

    It arrives between two steps of Python. In the main thread a signal also ends what waits for a file or for another
    process, as a compiler.
    """
    thread = threading.current_thread()
    heeds = thread is threading.main_thread()
    lock, left = threading.Lock(), False

    def end() -> None:
        with lock:
            if left:
                return
            if heeds:
                signal.pthread_kill(thread.ident or 0, signal.SIGVTALRM)
            else:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TookTooLong)
                )

    def raise_it(number: int, frame: FrameType | None) -> None:
        if not left:
            raise TookTooLong

    before = signal.signal(signal.SIGVTALRM, raise_it) if heeds else None
    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        with lock:
            left = True
        if heeds:
            signal.signal(signal.SIGVTALRM, before)
