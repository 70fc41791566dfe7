"""Yosys in a child process: its log in a file, every way it can end turned into an answer."""

import importlib.metadata
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

from rebnet.errors import MissingExtraError

LOG = "yosys.log"
_WORKER = Path(__file__).with_name("worker.py")
_ERROR = re.compile(r"^(.*: )?ERROR: (.*(?:\n(?!\s*$).*)*)", re.MULTILINE)
_POLL_S = 0.02
_MOST_ERROR_CHARACTERS = 300


class YosysFailedError(Exception):
    """Yosys did not do its work; the message says why. The caller knows on what, and keeps the log."""


def version() -> str:
    """Name and version of the synthesizer, such as "Yosys 0.70".

    Raises:
        MissingExtraError: it is not installed.
    """
    if importlib.util.find_spec("pyosys") is None:
        raise MissingExtraError("the synthesizer is not installed; install it with: pip install 'rebnet[synthesize]'")
    return f"Yosys {importlib.metadata.version('pyosys')}"


def run(commands: Sequence[str], folder: Path, *, cwd: Path, timeout_s: float, stop: Event) -> None:
    """Run Yosys commands; the log is `folder/yosys.log`.

    Args:
        commands: one a line.
        folder: existing folder for the script and the log.
        cwd: where relative file names lead to, and where temporary files go.
        timeout_s: most seconds that it may take.
        stop: ends it as soon as it is set.

    Raises:
        YosysFailedError: it reported an error, was killed or stopped, or took too long.
    """
    script, log = folder / "script.ys", folder / LOG
    script.write_text("".join(f"{command}\n" for command in commands), encoding="utf-8")
    command = [sys.executable, "-P", str(_WORKER), str(script)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = _wait(process, timeout_s, stop)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its helpers too
            process.wait()
    if code:
        raise YosysFailedError(_reason(code, log))


def _wait(process: subprocess.Popen[bytes], timeout_s: float, stop: Event) -> int:
    end = monotonic() + timeout_s
    while (code := process.poll()) is None:
        if stop.wait(_POLL_S):
            raise YosysFailedError("it was stopped")
        if monotonic() > end:
            raise YosysFailedError(f"it took more than {timeout_s:g} s; allow more with --timeout")
    return code


def _reason(code: int, log: Path) -> str:
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}, as happens where memory runs out"
    found = _ERROR.findall(log.read_text(encoding="utf-8", errors="replace"))
    if not found:
        return f"it ended with code {code} and without a word"
    return " ".join("".join(found[-1]).split())[:_MOST_ERROR_CHARACTERS]
