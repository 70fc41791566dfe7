"""What is copied to a board: files as they ship, nothing of the user's overwritten, and a program that validates."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rebnet.boards.shells.axi import pynq
from rebnet.errors import FileFormatError, OptionError, OutputError
from rebnet.generate import generate


def test_the_files(build: Path, tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"shell\.json: no such file; make the shell first: rebnet gen"):
        generate(build, target="deploy")
    shell = generate(build, target="axi")
    record = generate(build, target="deploy")
    assert (record.folder, record.network) == (str(build / "deploy"), shell.network)
    assert {path.name for path in (build / "deploy").iterdir()} == set(record.files) == {*pynq.FILES, "shell.json"}
    for name in pynq.FILES:
        assert (build / "deploy" / name).read_text() == pynq.text(name)
    assert (build / "deploy" / "shell.json").read_bytes() == (build / "axi" / "shell.json").read_bytes()
    generate(build, target="deploy", output=tmp_path / "there")
    assert (tmp_path / "there" / "driver.py").is_file()


def test_nothing_is_overwritten(build: Path, tmp_path: Path):
    generate(build, target="axi")
    place = tmp_path / "board"
    place.mkdir()
    (place / "README.md").write_text("mine")
    (place / "network.bit").write_text("mine too")
    with pytest.raises(OutputError) as error:
        generate(build, target="deploy", output=place)
    assert str(error.value) == (
        f"{place / 'README.md'}: is there and says something else; take it away or name another --output"
    )
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "network.bit"]
    (place / "README.md").unlink()
    generate(build, target="deploy", output=place)
    generate(build, target="deploy", output=place)
    assert (place / "network.bit").read_text() == "mine too"


def test_refusals(build: Path):
    generate(build, target="axi")
    with pytest.raises(OptionError, match=r"^name=x: the files for a board have names of their own; leave --name out$"):
        generate(build, target="deploy", name="x")
    generate(build, name="renamed")
    with pytest.raises(
        FileFormatError, match=r"is not of the RTL that is there; make the shell again: rebnet generate"
    ):
        generate(build, target="deploy")


STAND_IN = """
import numpy as np

class DriverError(RuntimeError): pass
class InputError(ValueError): pass

class Accelerator:
    network = "ab"
    def __init__(self, folder, weights=None):
        assert (folder, weights) == (".", None)
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def labels(self, images, levels):
        if levels == 9: raise InputError("levels=9: the network runs at 1, 2; give one of these")
        return images[:, 0, 0, 0].astype(int)
    def throughput(self, images, levels): return {"images_per_s": 123.456789}
    def power(self): return {"5V": 1.5}
"""


def test_validate(tmp_path: Path):
    """The program prints what it measured; what is wrong is one sentence and exit code 2."""
    (tmp_path / "validate.py").write_text(pynq.text("validate.py"))
    (tmp_path / "driver.py").write_text(STAND_IN)
    images = np.zeros((4, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = [0, 1, 2, 3]
    np.savez(tmp_path / "images.npz", images=images, labels=np.array([0, 1, 2, 0]))
    np.savez(tmp_path / "wrong.npz", images=images, labels=np.array([0, 1]))

    def said(*words: str) -> tuple[int, str, str]:
        command = [sys.executable, "validate.py", *words]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
        )
        return done.returncode, done.stdout, done.stderr

    code, out, err = said("images.npz")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "network             ab",
        "images              4",
        "accuracy            75.00 %",
        "images_per_s        123.457",
        "power of 5V         1.500 W",
    ]
    assert said("images.npz", "--levels", "9") == (2, "", "levels=9: the network runs at 1, 2; give one of these\n")
    assert said("wrong.npz") == (2, "", "wrong.npz: (4, 2, 2, 1) images and (2,) labels do not fit\n")
    code, out, err = said("nothing.npz")
    assert (code, out) == (2, "")
    assert err.startswith("nothing.npz: no .npz with images and labels (")
    whole = (tmp_path / "images.npz").read_bytes()
    np.save(tmp_path / "array.npy", images)
    for name, data in (("array.npy", None), ("empty.npz", b""), ("cut.npz", whole[:200]), ("text.npz", b"PK\x03\x04")):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        code, out, err = said(name)
        assert (code, out) == (2, "")
        assert err.startswith(f"{name}: no .npz with images and labels (")
    np.savez(tmp_path / "numbers.npz", images=np.uint8(1), labels=np.int64(1))
    assert said("numbers.npz") == (2, "", "numbers.npz: () images and () labels do not fit\n")
