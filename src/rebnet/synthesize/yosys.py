"""Yosys in a child process: its log in a file, every way it can end turned into an answer."""

import importlib.metadata
import importlib.util
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from rebnet.errors import MissingExtraError
from rebnet.synthesize import child

LOG = "yosys.log"
_WORKER = Path(__file__).with_name("worker.py")
_ERROR = re.compile(r"^(.*: )?ERROR: (.*(?:\n(?!\s*$).*)*)", re.MULTILINE)


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
        ChildFailedError: it reported an error, was killed or stopped, or took too long.
    """
    script, log = folder / "script.ys", folder / LOG
    script.write_text("".join(f"{command}\n" for command in commands), encoding="utf-8")
    child.run(
        child.Tool("yosys", (sys.executable, "-P", str(_WORKER)), "Yosys"),
        [str(script)],
        folder=cwd,
        log=log,
        timeout_s=timeout_s,
        error=_ERROR,
        stop=stop,
        more_time="--timeout",
        no_memory=tuple(signal.Signals),
    )
