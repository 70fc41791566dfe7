"""Child processes: none is left behind, whenever the interrupt falls."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rebnet.processes import child, clean_environment

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def test_on_leaving_it_is_killed_and_collected():
    with child([sys.executable, "-c", "print('up', flush=True); input()"], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "up\n"
        assert process.poll() is None
    assert process.returncode == -signal.SIGKILL
    assert process.stdout.closed


def test_one_that_has_ended_keeps_its_status():
    with child(
        [sys.executable, "-c", "print('words'); raise SystemExit(3)"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[0] == "words\n"
    assert process.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_one_that_a_signal_has_ended(number):
    with child(["sh", "-c", f"kill -{number:d} $$"]) as process:
        assert process.wait() == -number


def test_not_to_be_started(tmp_path):
    with pytest.raises(FileNotFoundError), child([str(tmp_path / "missing")]):
        pass
    (tmp_path / "text").touch()
    with pytest.raises(PermissionError), child([str(tmp_path / "text")]):
        pass


PARENT = """
import sys, time
from rebnet.processes import child
with child(["sh", "-c", "sleep 1000 & echo $$ $!; exec sleep 1000"]):
    time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_nothing(number):
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        started = parent.stdout.readline().split()
        assert len(started) == 2
        assert all(map(runs, started))
        parent.send_signal(number)
    while any(map(runs, started)):
        time.sleep(0.02)


def test_only_what_a_tool_needs_is_in_its_environment(monkeypatch):
    for name in ("MAKEFLAGS", "CXXFLAGS", "LD_PRELOAD", "LD_LIBRARY_PATH", "PERL5LIB", "VERILATOR_ROOT", "PYTHONPATH"):
        monkeypatch.setenv(name, "misleading")
    environment = clean_environment(TMPDIR=".")
    assert "misleading" not in environment.values()
    assert (environment["PATH"], environment["TMPDIR"]) == (os.environ["PATH"], ".")


def test_a_tool_finds_its_own_programs_where_there_is_no_path(monkeypatch):
    monkeypatch.delenv("PATH")
    assert clean_environment()["PATH"] == os.defpath


def runs(process):
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize("behind", [False, True])
def test_an_interrupt_around_its_start(monkeypatch, behind):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            if not behind:
                _thread.interrupt_main()
            super().__init__(*arguments, **options)
            started.append(self)
            if behind:
                _thread.interrupt_main()

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), child(WAITS, stdin=subprocess.PIPE):
        time.sleep(60)
    assert [process.returncode in (-signal.SIGKILL, -signal.SIGTERM) for process in started] == [True]


def test_an_interrupt_before_its_thread_runs(monkeypatch):
    threads, started = [], []

    class Late(threading.Thread):
        def start(self):
            threads.append(self)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", Late)
        patch.setattr(subprocess, "Popen", lambda *arguments, **options: started.append(arguments))
        with pytest.raises(KeyboardInterrupt), child(WAITS):
            pass
        super(Late, threads[0]).start()
        threads[0].join()
    assert started == []
