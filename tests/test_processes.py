"""Child processes: none is left behind, whenever the interrupt falls."""

import _thread
import signal
import subprocess
import sys
import threading
import time

import pytest

from rebnet.processes import child

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.mark.parametrize("helpers", [False, True])
def test_on_leaving_it_is_killed_and_collected(helpers):
    with child(WAITS, helpers=helpers, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.poll() is None
    assert process.returncode == -signal.SIGKILL
    assert process.stdout.closed


def test_one_that_has_ended_keeps_its_status():
    with child(
        [sys.executable, "-c", "print('words'); raise SystemExit(3)"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[0] == "words\n"
    assert process.returncode == 3


def test_not_to_be_started(tmp_path):
    with pytest.raises(FileNotFoundError), child([str(tmp_path / "missing")]):
        pass


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
    assert [process.returncode for process in started] == [-signal.SIGKILL]


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
