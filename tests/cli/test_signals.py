"""Ctrl-C, SIGTERM and SIGHUP end a verb alike, at any moment: one sentence, the signal's exit code, nothing left."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rebnet.cli import signals

HOW = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}
_START = """
import os, shutil, signal, sys, time
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
from rebnet.cli import main
{before}
main()
"""
_DURING_IMPORT = """
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), {number:d})
            time.sleep(5)
sys.meta_path.insert(0, Finder)
"""
_AGAIN_WHILE_TIDYING = """
from rebnet import lower
def again(*arguments, **options):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
lower.lower = again
remove = shutil.rmtree
def slowly(*arguments, **options):
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    remove(*arguments, **options)
shutil.rmtree = slowly
"""
_WHERE_PYTHON_DROPS_IT = """
from rebnet import flow
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
def wait(kind):
    Dropped()
    time.sleep(20)
flow.list_ = wait
"""


def run(before: str, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
    program = _START.format(before=before)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.mark.parametrize("number", HOW, ids=lambda number: number.name)
def test_the_first_second(number, tmp_path):
    """The imports of a verb, where nothing of it runs yet."""
    before = _DURING_IMPORT.format(name="typer", number=number)
    ended = run(before, "list", "zoo", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (128 + number, "")
    assert ended.stderr == f"rebnet: {HOW[number]}; no record was written\n"


@pytest.mark.parametrize("name", ["numpy", "rebnet.lower"])
def test_imports_of_a_room(name, run_folder, tmp_path):
    ended = run(
        _DURING_IMPORT.format(name=name, number=signal.SIGTERM), "compile", run_folder, "--output", "out", cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (143, "")
    assert ended.stderr == "rebnet: ended by SIGTERM; no record was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("number", HOW, ids=lambda number: number.name)
def test_a_build_half_way(start, run_folder, tmp_path, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start("compile", "zoo:mnist-arch-1-m1", "--output", tmp_path / "out", TMPDIR=str(scratch))
    while not any(path.name.startswith(".") for path in tmp_path.iterdir()) and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert err.splitlines()[-1] == f"rebnet: {HOW[number]}; no record was written"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "scratch"]
    assert list(scratch.iterdir()) == []


def test_signals_while_tidying_are_not_heard(run_folder, tmp_path):
    ended = run(_AGAIN_WHILE_TIDYING, "compile", run_folder, "--output", tmp_path / "out")
    assert (ended.returncode, ended.stdout) == (143, "")
    assert ended.stderr.splitlines()[-1] == "rebnet: ended by SIGTERM; no record was written"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_one_that_python_drops_is_raised_again(tmp_path):
    began = time.monotonic()
    ended = run(_WHERE_PYTHON_DROPS_IT, "list", "zoo", cwd=tmp_path)
    assert ended.stderr == "rebnet: ended by SIGTERM; no record was written\n"
    assert ended.returncode == 143
    assert time.monotonic() - began < 20  # it did not wait to the end


def test_what_is_ignored_stays_so(tmp_path):
    """As under nohup."""
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nos.kill(os.getpid(), signal.SIGHUP)"
    ended = run(before, "list", "datasets", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_cleaning_that_takes_too_long_can_be_cut_short(monkeypatch):
    handler = signals._Handler()
    with pytest.raises(signals.Ended):
        handler(signal.SIGTERM, None)
    handler(signal.SIGTERM, None)  # not heard
    monkeypatch.setattr(signals, "PATIENCE_S", -1)
    written: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda number, text: written.append(text))
    monkeypatch.setattr(os, "_exit", lambda code: written.append(b"%d" % code))
    handler(signal.SIGTERM, None)
    assert written == [b"rebnet: ended by SIGTERM at once; the next command takes away what is left\n", b"143"]
