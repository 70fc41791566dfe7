"""Outside tools as child processes: found or missed, followed while they run, and every end turned into an answer."""

import importlib.metadata
import importlib.util
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from rebnet import processes
from rebnet.errors import MissingExtraError

_WASM = Path(__file__).with_name("wasm.py")
_POLL_S = 0.2
_MOST_ERROR_CHARACTERS = 300
_NO_MEMORY = ", as happens where memory runs out"

Say = Callable[[str], None]


class ChildFailedError(Exception):
    """A tool did not do its work; the message says why. The caller knows on what, and keeps the log."""


@dataclass(frozen=True)
class Tool:
    """How a tool is started.

    Attributes:
        name: of the tool.
        command: what stands in front of its arguments.
        version: a word on which one it is.
    """

    name: str
    command: tuple[str, ...]
    version: str


def find_tool(name: str, package: str, function: str) -> Tool:
    """The tool `name` on PATH, which is a native one and faster, else `function` of the Python package `package`.

    Raises:
        MissingExtraError: there is neither.
    """
    found = shutil.which(name)
    if found is not None:
        return Tool(name, (found,), name)
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"{name} is not installed; install it with: pip install 'rebnet[synthesize]'")
    version = importlib.metadata.version(package.replace("_", "-"))
    return Tool(name, (sys.executable, "-P", str(_WASM), package, function, "."), f"{name} {version}")


def find_module(name: str, package: str) -> Tool:
    """The tool `name` on PATH, else the module of that name of the Python package `package`.

    Raises:
        MissingExtraError: there is neither.
    """
    found = shutil.which(name)
    if found is not None:
        return Tool(name, (found,), name)
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"{name} is not installed; install it with: pip install 'rebnet[synthesize]'")
    version = importlib.metadata.version(package)
    return Tool(name, (sys.executable, "-P", "-m", f"{package}.{name}"), f"{name} {version}")


def run(
    tool: Tool,
    arguments: Sequence[str],
    *,
    folder: Path,
    log: Path,
    timeout_s: float,
    follow: Callable[[str], str | None] = lambda line: None,
    say: Say = lambda stage: None,
    error: re.Pattern[str] = re.compile(r"^ERROR: (.*)$", re.MULTILINE),
    stop: Event | None = None,
    more_time: str = "--place-timeout",
    no_memory: Container[int] = (signal.SIGKILL,),
) -> None:
    """Run a tool to its end.

    Args:
        tool: which.
        arguments: its command line; files relative to `folder`.
        folder: where it runs; it may leave temporary files there where it is killed.
        log: file for all that it prints.
        timeout_s: most seconds that it may take.
        follow: what a line of the log tells of the progress, or None.
        say: called with what `follow` says, when that changes.
        error: finds the tool's own words on why it failed.
        stop: ends it soon after it is set.
        more_time: option that allows more seconds.
        no_memory: signals that it may end in where memory runs out.

    Raises:
        ChildFailedError: it reported an error, was killed or stopped, or took too long.
    """
    with (
        log.open("wb") as output,
        processes.child(
            [*tool.command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        code = _wait(process, log, timeout_s, follow, say, stop, more_time)
    if code:
        raise ChildFailedError(_reason(code, log, error, no_memory))


def _wait(
    process: "subprocess.Popen[bytes]",
    log: Path,
    timeout_s: float,
    follow: Callable[[str], str | None],
    say: Say,
    stop: Event | None,
    more_time: str,
) -> int:
    end = time.monotonic() + timeout_s
    said = ""
    with log.open(encoding="utf-8", errors="replace") as file:
        while True:
            code = process.poll()
            stages = [stage for stage in map(follow, file.readlines()) if stage]
            if stages and stages[-1] != said:
                said = stages[-1]
                say(said)
            if code is not None:
                return code
            if stop is not None and stop.is_set():
                raise ChildFailedError("it was stopped")
            if time.monotonic() > end:
                raise ChildFailedError(f"it took more than {timeout_s:g} s; allow more with {more_time}")
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)


def _reason(code: int, log: Path, error: re.Pattern[str], no_memory: Container[int]) -> str:
    if code < 0:
        memory = _NO_MEMORY if -code in no_memory else ""
        return f"it was ended by {signal.Signals(-code).name}{memory}"
    found = error.findall(log.read_text(encoding="utf-8", errors="replace"))
    if not found:
        return f"it ended with code {code} and without a word"
    return " ".join("".join(found[-1]).split())[:_MOST_ERROR_CHARACTERS]
