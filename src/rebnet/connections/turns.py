"""Who may use a connection to something that does one thing at a time: one thread, of the process that opened it."""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rebnet.errors import OptionError


class Turns:
    """Turns of the threads, until the connection is closed.

    In a process that was forked nothing waits: there the turn of a thread that only its parent has would never end.

    Args:
        name: of the connection, for sentences.
        end: what closes it; called once.
    """

    def __init__(self, name: str, end: "weakref.finalize[..., Any]") -> None:
        self._name, self._end = name, end
        self._lock, self._owner = threading.Lock(), os.getpid()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and have it.

        Raises:
            OptionError: the connection is closed, or another process opened it.
        """
        if self._owner != os.getpid():
            raise self._refused("is that of another process, before the fork")
        with self._lock:
            if not self._end.alive:
                raise self._refused("is closed")
            yield

    def close(self) -> None:
        """End the connection when nobody has a turn; twice is the same as once."""
        if self._owner != os.getpid():
            self._end()
            return
        with self._lock:
            self._end()

    def _refused(self, reason: str) -> OptionError:
        return OptionError(f"{self._name}: the connection {reason}; connect again")
