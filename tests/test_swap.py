"""What is new takes the place of what is old: whole or not at all, also where the process is killed."""

import dis
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.ir.networks import tiny

from rebnet import flow, swap
from rebnet.errors import OutputError
from rebnet.files import write_record
from rebnet.ir import storage

_KILLED = """
import os, signal, sys
from pathlib import Path
from rebnet import flow, swap

point, call, steps = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def counted(owner, name):
    real = getattr(owner, name)
    left = iter(range(call))
    def wrapped(*args, **options):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    setattr(owner, name, wrapped)

if steps == "two":
    def cannot(one, other):
        raise OSError(38, "Function not implemented")
    swap._exchange = cannot
counted({"exchange": swap, "rename": Path, "write": os, "clean": swap.shutil}[point],
        {"exchange": "_exchange", "rename": "rename", "write": "fsync", "clean": "rmtree"}[point])
"""
_COMPILE = _KILLED + "flow.compile(Path(sys.argv[4]), Path(sys.argv[5]))\n"
_GENERATE = _KILLED + "flow.generate(Path(sys.argv[4]))\n"


def killed(script: str, *arguments: object) -> None:
    """Run a script that kills itself; it must have come to that."""
    ended = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=False)
    assert ended.returncode == -signal.SIGKILL


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    storage.save(tiny(2), folder)
    write_record(
        folder / "training.json", {"network": "1x1x2 - D2 - D2", "dataset": "x", "levels": 2, "test_accuracy": 50.0}
    )
    return folder


@pytest.mark.parametrize(
    ("point", "call", "steps"),
    [
        ("write", 20, "one"),
        ("exchange", 0, "one"),
        ("clean", 1, "one"),  # generate's own workplace is the first
        ("rename", 4, "two"),  # generate's four files and folders come first
        ("rename", 5, "two"),
        ("rename", 6, "two"),
    ],
)
def test_a_killed_compile_leaves_the_old_build_or_the_new_one(run, tmp_path, point, call, steps):
    output = tmp_path / "builds" / "b"
    flow.compile(run, output)
    old = contents(output)
    storage.save(tiny(1), run)
    killed(_COMPILE, point, call, steps, run, output)
    assert len(names(output.parent)) == 2 if (point, call) != ("rename", 5) else 1
    swap.tidy(output.parent)  # as the next command does
    assert names(output.parent) == ["b"]
    left = contents(output)
    flow.compile(run, output)
    assert left in (old, contents(output))
    assert names(output.parent) == ["b"]


@pytest.mark.parametrize(
    ("point", "call", "steps"), [("write", 5, "one"), ("exchange", 2, "one"), ("rename", 1, "two")]
)
def test_a_killed_generate_is_made_good_by_the_next(run, tmp_path, point, call, steps):
    build = tmp_path / "b"
    flow.compile(run, build)
    old = contents(build)
    killed(_GENERATE, point, call, steps, build)
    flow.generate(build)
    assert contents(build) == old


def test_a_workplace_in_use_stays(tmp_path):
    with swap.workplace(tmp_path, "one") as first:
        (first / "mine").write_text("mine")
        with swap.workplace(tmp_path, "two"):
            assert (first / "mine").read_text() == "mine"
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file that nobody had yet closed
def test_a_signal_at_any_step_leaves_nothing(tmp_path):
    """Ctrl-C may come behind every instruction that makes a workplace, and of taking it away once."""
    code, left_to_go = swap.workplace.__wrapped__.__code__, 0

    class Found(KeyboardInterrupt):
        pass

    def step(frame, event, argument):
        nonlocal left_to_go
        at_nop = event == "opcode" and dis.opname[code.co_code[frame.f_lasti]] == "NOP"
        if event == "opcode" and not at_nop:  # Python looks for signals behind calls and jumps, never there
            left_to_go -= 1
            if left_to_go == 0:
                raise Found
        return step

    def trace(frame, event, argument):
        if frame.f_code is not code:
            return None
        frame.f_trace_opcodes = True
        return step

    ended = 0
    for steps in range(1, 1000):
        left_to_go = steps
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            with swap.workplace(tmp_path, "x") as work:
                (work / "mine").write_text("mine")
        except Found:
            ended += 1
        finally:
            sys.settrace(before)
        assert names(tmp_path) == []
        if left_to_go > 0:
            break
    assert left_to_go > 0
    assert ended > 50


def test_only_workplaces_are_tidied(tmp_path):
    (tmp_path / ".b.rebnet-12345678").mkdir()  # without a lock: somebody else's
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".lock").write_text("")
    (tmp_path / ".b.rebnet-87654321").symlink_to("home")
    swap.tidy(tmp_path)
    assert names(tmp_path) == [".b.rebnet-12345678", ".b.rebnet-87654321", "home"]
    swap.tidy(tmp_path / "nowhere")


@pytest.mark.parametrize("steps", ["one", "two"])
def test_all_or_none(tmp_path, monkeypatch, steps):
    (tmp_path / "a").write_text("old a")
    (tmp_path / "c").write_text("old c")
    real = swap._put

    def put(new, place):
        if new.name == "c" and new.read_text() == "new c":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(new, place)

    def cannot(one, other):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(swap, "_put", put)
    if steps == "two":
        monkeypatch.setattr(swap, "_exchange", cannot)
    with swap.workplace(tmp_path, "x") as work:
        new = [work / name for name in ("a", "b", "c")]
        for path in new:
            path.write_text(f"new {path.name}")
        with pytest.raises(OutputError, match="could not be written"):
            swap.put(new, tmp_path)
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {"a": "old a", "c": "old c"}


def test_a_file_takes_no_folders_place(tmp_path):
    """What is in a folder that happens to have a file's name stays there, and the files beside it are the old ones."""
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "mine").write_text("mine")
    (tmp_path / "one").write_text("old")
    with swap.workplace(tmp_path, "x") as work:
        for name in ("one", "two"):
            (work / name).write_text("new")
        with pytest.raises(OutputError, match=r"two: a folder stands where a file is needed; move it away, or name"):
            swap.put([work / "one", work / "two"], tmp_path)
    assert contents(tmp_path) == {"one": b"old", "two/mine": b"mine"}


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis").write_text("precious")
    (tmp_path / "rtl").symlink_to("home")
    with swap.workplace(tmp_path, "x") as work:
        (work / "rtl").mkdir()
        swap.put([work / "rtl"], tmp_path)
    assert not (tmp_path / "rtl").is_symlink()
    assert (tmp_path / "home" / "thesis").read_text() == "precious"


_SCRATCH = """
import os, signal
from rebnet import swap
with swap.scratch("it") as place:
    (place / "big").write_text("left")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_among_temporary_files_goes_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    killed(_SCRATCH)
    assert len(names(tmp_path)) == 1
    with swap.scratch("first") as first, swap.scratch("second") as second:
        assert names(tmp_path) == sorted((first.name, second.name))
    assert names(tmp_path) == []


def test_what_others_left_among_temporary_files_stays(tmp_path, monkeypatch):
    work = tmp_path / ".rebnet-it.rebnet-abcdefgh"
    work.mkdir()
    (work / ".lock").touch()
    monkeypatch.setattr(os, "geteuid", lambda: work.stat().st_uid + 1)
    swap.tidy(tmp_path)
    assert names(tmp_path) == [work.name]
