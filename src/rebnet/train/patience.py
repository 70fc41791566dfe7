"""A block that is given up after a while, whatever it computes in Python or waits for."""

import ctypes
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(BaseException):  # nobody's `except Exception` is meant
    """The block took longer than it may; raised in it."""


_WAITS = 6
"""A block may take so many times as long by the clock: other work on the machine is not its fault."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the block after so many seconds of processor time, its children's included.

    By the clock it may take six times as long. So what a busy machine gives up is what an idle one does, as a rule.

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
    over = threading.Event()

    def watch() -> None:
        spent, clock = _processor_seconds(), time.monotonic()
        while not over.wait(min(1.0, seconds / 4)):
            waited = time.monotonic() - clock
            if _processor_seconds() - spent > seconds or waited > _WAITS * seconds:
                end()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        with lock:
            left = True
        if heeds:
            signal.signal(signal.SIGVTALRM, before)


def _processor_seconds() -> float:
    """Processor time of this process and of its children that have ended, seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
