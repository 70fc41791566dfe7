"""Child processes that end with what started them, an interrupt included."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def child(command: Sequence[str], *, helpers: bool = False, **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """A process that runs; on leaving it is killed, if it still does, and collected.

    A thread starts it: an interrupt reaches the main thread alone, and there it might fall between the start and the
    note that something was started.

    Args:
        command: program and arguments.
        helpers: it starts processes itself; they get a session of their own, and all of them are killed.
        options: of `subprocess.Popen`.

    Raises:
        OSError: the program could not be started.
    """
    started: list[subprocess.Popen[Any]] = []
    failed: list[BaseException] = []
    left = False
    lock = threading.Lock()

    def start() -> None:
        with lock:
            if left:
                return
            try:
                started.append(subprocess.Popen(command, start_new_session=helpers, **options))
            except BaseException as error:  # handed to the thread that waits
                failed.append(error)

    starter = threading.Thread(target=start)
    try:
        starter.start()
        starter.join()
        for error in failed:
            raise error
        yield started[0]
    finally:
        with lock:
            left = True  # nothing starts any more
        for process in started:
            _end(process, helpers)


def _end(process: "subprocess.Popen[Any]", helpers: bool) -> None:
    with process:  # collected, and its pipes closed
        if helpers:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
