"""Progress: nothing, lines in a log, a bar on a terminal."""

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from rebnet import progress


def told(monkeypatch, times, **options) -> list[str]:
    """The lines of a log; the clock shows `times`."""
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress.time, "monotonic", iter(times).__next__)
    with progress.shown("first", 30, unit="images", **options) as shown:
        shown.advance(10)
        shown.say("second")
        shown.advance(10)
        shown.to(30, 40)
    return log.getvalue().splitlines()


def test_a_line_for_the_first_stage_and_then_now_and_then(monkeypatch):
    assert told(monkeypatch, [0, 1, 2, 3]) == ["first"]
    assert told(monkeypatch, [0, 10, 20, 25]) == ["first", "second: 10 of 30 images", "second: 20 of 30 images"]
    assert told(monkeypatch, [0, 1, 2, 30]) == ["first", "second: 30 of 40 images"]


def test_nothing_where_quiet(monkeypatch):
    assert told(monkeypatch, [], quiet=True) == []


def test_a_log_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with progress.shown("x") as shown:
        shown.say("y")


_BAR = """
import sys
from rebnet.progress import shown
with shown("a name [/x] that is much too long for any terminal, and goes on", 100000, unit="images") as bar:
    bar.to(99999, 100000)
"""


@pytest.mark.parametrize(("columns", "term"), [(80, "xterm"), (48, "xterm"), (80, "dumb")])
def test_numbers_stay_on_a_narrow_terminal(columns, term):
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen([sys.executable, "-c", _BAR], stderr=theirs, env={**environment, "TERM": term}) as process:
        os.close(theirs)
        shown = b""
        while piece := read(ours):
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r", "\n").splitlines()
    if term == "dumb":
        assert [line for line in lines if line] == ["a name [/x] that is much too long for any terminal, and goes on"]
        assert b"\x1b" not in shown
    else:
        assert any("99999/100000 images" in line for line in lines)
        assert max(map(len, lines)) <= columns


def read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except OSError:  # the other end is closed
        return b""
