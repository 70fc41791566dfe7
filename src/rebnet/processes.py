"""Child processes that end with what started them, an interrupt, SIGTERM and SIGKILL included."""

import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("rebnet")
"""Told what runs; `--verbose` prints it."""

_SUPERVISE = Path(__file__).with_name("supervise.py")
_END_S = 10
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES")


def clean_environment(**more: str) -> dict[str, str]:
    """The few variables that a tool needs, and `more`.

    Nothing that tells make, a compiler, a linker, perl or a simulator what to do: `MAKEFLAGS`, `CPATH`, `LD_PRELOAD`,
    `LD_LIBRARY_PATH`, `VERILATOR_ROOT` and the like were meant for something else. Without a PATH, as under `env -i`,
    it is where the system's own programs are: a compiler looks for its linker there.
    """
    return {"PATH": os.defpath} | {name: os.environ[name] for name in _KEPT if name in os.environ} | more


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """A process that runs; on leaving it is killed with all that it has started, if it still runs, and collected.

    It runs under `supervise.py`, in a session of its own, and ends too where this process is killed. A thread starts
    it: an interrupt reaches the main thread alone, and there it might fall between the start and the note that
    something was started.

    Args:
        command: program and arguments.
        options: of `subprocess.Popen`.

    Raises:
        OSError: the program is not there or cannot be run.
    """
    _LOG.debug("running: %s", shlex.join(command))
    started: list[subprocess.Popen[Any]] = []
    failed: list[BaseException] = []
    left = False
    lock = threading.Lock()
    _check_program(command[0], options)
    supervised = [sys.executable, "-I", "-S", str(_SUPERVISE), str(os.getpid()), *command]

    def start() -> None:
        with lock:
            if left:
                return
            try:
                started.append(subprocess.Popen(supervised, start_new_session=True, **options))
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
            _end(process)


def _check_program(program: str, options: dict[str, Any]) -> None:
    environment = options.get("env") or os.environ
    if shutil.which(program, path=environment.get("PATH")) is not None:
        return
    if Path(program).exists():
        raise PermissionError(f"{program} cannot be run")
    raise FileNotFoundError(f"{program} is not there")


def _end(process: "subprocess.Popen[Any]") -> None:
    with process:  # collected, and its pipes closed
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
