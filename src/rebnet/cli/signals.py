"""What ends a command from outside: Ctrl-C, SIGTERM and SIGHUP are taken alike, and all is tidied before it goes.

The first of them raises `Ended` in the main thread, wherever that is: temporary folders go, child processes end, and
one sentence is printed. Others that follow are not heard while that happens, up to `PATIENCE_S`; then the next one
ends the process on the spot, and the next command takes away what was left.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from rebnet.cli import streams

PATIENCE_S = 5.0
"""Seconds that tidying may take before another signal cuts it short."""

_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_S = 0.02


class Ended(KeyboardInterrupt):
    """A signal ended the command; all that heeds Ctrl-C heeds it.

    Attributes:
        number: of the signal.
        outcome: what there is now, in words; empty where another process tells it.
    """

    def __init__(self, number: int, outcome: str = "no record was written") -> None:
        super().__init__(number)
        self.number = number
        self.outcome = outcome


def heed() -> None:
    """Let the signals end the command from now on; one that is ignored, as under nohup, stays so."""
    if threading.current_thread() is not threading.main_thread():
        return
    handler = _Handler()
    for number in _HEEDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
    sys.unraisablehook = handler.unraisable


def leave() -> None:
    """All is done: a signal that comes while the interpreter goes ends it without a word."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _HEEDED:
        if isinstance(signal.getsignal(number), _Handler):
            signal.signal(number, signal.SIG_DFL)


def end(ended: KeyboardInterrupt) -> NoReturn:
    """All is tidied: end with one sentence, and at once, as another signal may come while an interpreter goes."""
    outcome = ended.outcome if isinstance(ended, Ended) else Ended(signal.SIGINT).outcome
    if outcome:
        streams.complain(f"{how(ended)}; {outcome}")
    if any(isinstance(signal.getsignal(number), _Handler) for number in _HEEDED):
        os._exit(exit_code(ended))
    sys.exit(exit_code(ended))


def exit_code(ended: KeyboardInterrupt) -> int:
    """128 and the signal's number, as a shell says it."""
    return 128 + (ended.number if isinstance(ended, Ended) else signal.SIGINT)


def how(ended: KeyboardInterrupt) -> str:
    """In words: interrupted, or ended by SIGTERM."""
    number = exit_code(ended) - 128
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


class _Handler:
    """Raises `Ended` once."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            self._first = time.monotonic()
            raise Ended(number)
        if time.monotonic() - self._first > PATIENCE_S:
            _end_now(number)

    def unraisable(self, report: "sys.UnraisableHookArgs") -> None:
        """Raise again what was raised where Python drops it, in a finalizer or a callback."""
        if not isinstance(report.exc_value, Ended):
            sys.__unraisablehook__(report)
            return
        self._first = None
        threading.Timer(_AGAIN_S, os.kill, (os.getpid(), report.exc_value.number)).start()


def _end_now(number: int) -> NoReturn:
    os.write(2, f"rebnet: {how(Ended(number))} at once; the next command takes away what is left\n".encode())
    os._exit(128 + number)
