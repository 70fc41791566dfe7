"""Every way in which Yosys can end."""

import importlib.util
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from rebnet.errors import MissingExtraError
from rebnet.synthesize import child, yosys

pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")


@pytest.fixture
def run(tmp_path):
    (tmp_path / "helper.sh").write_text("echo $$ > new\nmv new pid\nexec sleep 60\n")

    def call(*commands, timeout_s=60, stop=None):
        yosys.run(commands, tmp_path, cwd=tmp_path, timeout_s=timeout_s, stop=stop or threading.Event())
        return (tmp_path / yosys.LOG).read_text()

    return call


@pytest.fixture
def started(monkeypatch):
    """Processes that are started, in a list."""
    real, found = subprocess.Popen, []
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: found.append(real(*a, **k)) or found[-1])
    return found


def test_the_log_is_kept_and_temporary_files_stay_in_the_folder(run, tmp_path):
    log = run("design -reset", "exec -- touch here", "log done")
    assert log.index("design -reset") < log.index("log done")
    assert (tmp_path / "here").is_file()


def test_an_error_is_its_words(run):
    with pytest.raises(child.ChildFailedError) as error:
        run("log before", "hierarchy -check -top nothing")
    assert str(error.value) == "Module `nothing' not found!"


def test_a_broken_file_is_named(run, tmp_path):
    (tmp_path / "broken.sv").write_text("module broken; endmodul\n")
    with pytest.raises(child.ChildFailedError) as error:
        run("read_verilog -sv broken.sv")
    assert str(error.value).startswith("broken.sv:1: syntax error, unexpected end of file")


def test_an_end_without_a_word(run, tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(yosys, "_WORKER", tmp_path / "worker.py")
    with pytest.raises(child.ChildFailedError, match=r"^it ended with code 3 and without a word$"):
        run("log nothing")


def when(ready, then):
    """Call `then` as soon as `ready` says so, beside the test."""

    def watch():
        end = time.monotonic() + 60
        while not ready() and time.monotonic() < end:
            time.sleep(0.01)
        then()

    threading.Thread(target=watch, daemon=True).start()


def test_killed(run, started):
    when(lambda: started, lambda: os.kill(started[0].pid, signal.SIGKILL))
    with pytest.raises(child.ChildFailedError) as error:
        run("exec -- sleep 60")
    assert str(error.value) == "it was ended by SIGKILL, as happens where memory runs out"


@pytest.mark.parametrize("how", ["time", "stop"])
def test_too_long_or_stopped(run, started, tmp_path, how):
    stop = threading.Event()
    if how == "stop":
        when((tmp_path / "pid").is_file, stop.set)
    with pytest.raises(child.ChildFailedError) as error:
        run("exec -- sh helper.sh", timeout_s=2 if how == "time" else 60, stop=stop)
    words = {"time": "it took more than 2 s; allow more with --timeout", "stop": "it was stopped"}
    assert str(error.value) == words[how]
    assert started[0].returncode == -signal.SIGKILL


def test_helpers_end_with_it(run, tmp_path):
    """What Yosys has started, such as abc, does not outlive it."""
    stop = threading.Event()
    when((tmp_path / "pid").is_file, stop.set)
    with pytest.raises(child.ChildFailedError):
        run("exec -- sh helper.sh", stop=stop)
    helper = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 30
    while running(helper) and time.monotonic() < end:
        time.sleep(0.01)
    assert not running(helper)


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        yosys.version()
    assert str(error.value) == "the synthesizer is not installed; install it with: pip install 'rebnet[synthesize]'"
