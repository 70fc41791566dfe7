"""stdout and stderr that are closed, full, without a reader, or plain ASCII; names that are no UTF-8."""

import codecs
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from rebnet.cli import streams

ODD = os.fsdecode(b"odd\xff\xc3\xa9")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line for the shell, in which `$R` is the command line."""
    command = f"R='{sys.executable} -m rebnet'; {line}"
    return subprocess.run(["bash", "-c", command], capture_output=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize("arguments", ["list boards", "--version", "list zoo --help"])
def test_stdout_that_is_full(arguments):
    ended = shell(f"$R {arguments} > /dev/full")
    assert ended.returncode == 2
    assert ended.stderr == b"rebnet: stdout: the disk is full; free some space and run it again\n"


def test_stdout_that_is_closed():
    ended = shell("$R list boards >&-")
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_stderr_that_is_closed_or_full():
    assert shell("$R list nothing 2>&-").returncode == 2
    assert shell("$R list nothing 2>/dev/full").returncode == 2
    ended = shell("$R list datasets 2>&-")
    assert (ended.returncode, ended.stdout.split()[0]) == (0, b"digits")


def test_a_closed_stream_is_no_file_of_ours(run_folder, tmp_path):
    """Without care the first file that is opened is number 1, and what is printed lands in it."""
    ended = shell(f"$R compile {run_folder} --output {tmp_path / 'out'} >&- 2>&-")
    assert ended.returncode == 0
    whole = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"network.json", "folding.json", "ports.json"} <= whole


@pytest.mark.parametrize("arguments", ["list parts --json", "--help", "list boards"])
def test_a_reader_that_goes(arguments):
    ended = shell(f"set -o pipefail; ($R {arguments}; echo $? >&2) | true")
    assert ended.stderr in (b"0\n", b"141\n")  # it may have been faster than the reader


@pytest.mark.parametrize("arguments", ["list boards", "evaluate --help", "reproduce table3 --output {place}"])
def test_ascii(arguments, tmp_path):
    ended = shell(f"$R {arguments.format(place=tmp_path)}", PYTHONIOENCODING="ascii", TERM="dumb")
    assert ended.returncode == 0
    assert ended.stdout.decode("ascii").strip()


def test_a_locale_without_letters(tmp_path):
    ended = shell("$R list boards", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert ended.returncode == 0
    assert ended.stdout.decode("ascii").strip()


def test_what_a_stream_cannot_encode():
    assert "3×4 γ…é".encode("ascii", "rebnet") == rb"3x4 gamma...\xe9"
    assert ODD.encode("utf-8", "rebnet") == b"odd\xff\xc3\xa9"
    assert ODD.encode("ascii", "rebnet") in (b"odd\xff\xe9", rb"odd\udcff\xe9")


@pytest.fixture(autouse=True)
def _registered():
    codecs.register_error("rebnet", streams._show)


def write_data(place):
    rng = np.random.default_rng(0)
    data = place / "data.npz"
    with data.open("wb") as file:
        np.savez(file, images=rng.integers(0, 256, (30, 8, 8, 1)).astype(np.uint8), labels=rng.integers(0, 10, 30))
    return data


@pytest.mark.parametrize("name", ["x[/y]", "[bold]x", "a 'b' \"c\"", "new\nline", "ünï", "-"])
def test_names_that_are_unusual(rebnet, run_folder, tmp_path, name):
    """Compiled, evaluated, reported under a folder and with a data set of this name."""
    place = tmp_path / "place" / name
    place.mkdir(parents=True)
    run, build, data = shutil.copytree(run_folder, place / "run"), place / "build", write_data(place)
    for verb in (
        ("compile", run, "--output", build),
        ("generate", build, "--target", "c"),
        ("evaluate", build, "--dataset", f"npz:{data}"),
        ("report", build),
    ):
        code, out, err = rebnet(*verb)
        assert (code, "Traceback" in err) == (0, False)
    assert f"{name}/build/report.html" in out
    code, out, err = rebnet("evaluate", place / "none", "--dataset", "digits")
    assert err == f"rebnet: {place}/none/network.json: no such file; the stage that writes it has not run\n"
    assert code == 2


def test_names_that_are_no_utf_8(run_folder, tmp_path):
    place = tmp_path / ODD
    place.mkdir()
    shutil.copytree(run_folder, place / "run")
    data = write_data(place)
    ended = subprocess.run(
        [
            "bash", "-ec",
            f"R='{sys.executable} -m rebnet'; $R compile run --output build; $R evaluate build --dataset npz:$1;"
            "$R generate build --target c; $R report build --output $1.html",
            "bash", data,
        ],
        capture_output=True, check=False, cwd=place,
    )  # fmt: skip
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False)
    assert os.fsencode(f"{data}.html\n") in ended.stdout
    assert (place / "data.npz.html").is_file()
