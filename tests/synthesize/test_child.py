"""Tools as child processes: what each way to end becomes."""

import sys
import time
from pathlib import Path

import pytest

from rebnet.errors import MissingExtraError
from rebnet.synthesize import child


def tool(code: str) -> child.Tool:
    return child.Tool("python", (sys.executable, "-c", code), "python")


def run(code: str, tmp_path: Path, **options) -> list[str]:
    said: list[str] = []
    options = {"timeout_s": 60, "say": said.append, **options}
    child.run(tool(code), [], folder=tmp_path, log=tmp_path / "log", **options)
    return said


def failure(code: str, tmp_path: Path, **options) -> str:
    with pytest.raises(child.ChildFailedError) as error:
        run(code, tmp_path, **options)
    return str(error.value)


def alive(pid: int) -> bool:
    """Whether the process still runs after a moment; one that waits to be collected does not."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


def test_its_log_is_kept_and_followed(tmp_path: Path) -> None:
    code = "import os; os.write(1, b'stage 1\\nstage 2\\nother\\n'); os.write(2, os.getcwd().encode())"
    said = run(code, tmp_path, follow=lambda line: line.strip() if line.startswith("stage") else None)
    assert said[-1] == "stage 2"
    assert (tmp_path / "log").read_text() == f"stage 1\nstage 2\nother\n{tmp_path}"


def test_its_own_words_come_first(tmp_path: Path) -> None:
    assert failure("print('ERROR: no room'); raise SystemExit(3)", tmp_path) == "no room"
    assert failure("raise SystemExit(3)", tmp_path) == "it ended with code 3 and without a word"


def test_killed(tmp_path: Path) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    assert failure(code, tmp_path) == "it was ended by SIGKILL, as happens where memory runs out"


def test_too_slow_and_its_helpers_go_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid)); child.wait()"
    )
    place, seconds, message = tmp_path / "pid", 0.5, ""
    while not (place.exists() and place.read_text()):  # until the helper was there when the time was over
        message, seconds = failure(code, tmp_path, timeout_s=seconds), 2 * seconds
    assert message == f"it took more than {seconds / 2:g} s; allow more with --place-timeout"
    assert not alive(int(place.read_text()))


def test_interrupted_it_ends_too(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "print('up', flush=True); time.sleep(600)"
    )

    def interrupt(stage: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(code, tmp_path, follow=str.strip, say=interrupt)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_one_on_path_comes_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native = tmp_path / "nextpnr-ecp5"
    native.write_text("#!/bin/sh\n")
    native.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert child.find_tool("nextpnr-ecp5", "json", "run").command == (str(native),)


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError) as error:
        child.find_tool("nextpnr-ecp5", "no_such_package", "run")
    assert str(error.value) == "nextpnr-ecp5 is not installed; install it with: pip install 'rebnet[synthesize]'"
