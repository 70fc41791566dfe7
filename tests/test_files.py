"""Files: nothing half-written, nothing trusted."""

import errno
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rebnet import files
from rebnet.errors import FileFormatError, OutputError, SchemaError


def fail_with(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def refuse(error: type[Exception], message: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call(*arguments)


# Writing


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    files.write_text(path, "γ")
    files.write_text(path, "δ")
    assert path.read_bytes() == "δ".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_disk_full_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    message = f"{path}: the disk is full, nothing was written; free some space and run it again"
    refuse(OutputError, message, files.write_text, path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupt_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_not_serialisable_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_record(path, {"accuracy": 1.5})
    with pytest.raises(ValueError, match="Out of range float values"):
        files.write_record(path, {"accuracy": float("nan")})
    assert files.read_json(path) == {"schema": 1, "accuracy": 1.5}
    assert list(tmp_path.iterdir()) == [path]


WRITE_FAILURES = {
    errno.EACCES: "no permission to write here; name another --output or change its permissions",
    errno.EROFS: "no permission to write here; name another --output or change its permissions",
    errno.EDQUOT: "the disk is full, nothing was written; free some space and run it again",
    errno.EIO: "could not be written (input/output error); name another --output",
}


@pytest.mark.parametrize("number", WRITE_FAILURES)
def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(Path, "open", fail_with(number))
    path = tmp_path / "a.txt"
    refuse(OutputError, f"{path}: {WRITE_FAILURES[number]}", files.write_text, path, "new")
    assert list(tmp_path.iterdir()) == []


def test_make_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a" / "b"
    assert files.make_folder(path) == path
    assert files.make_folder(path) == path
    assert list(path.iterdir()) == []
    monkeypatch.setattr(tempfile, "TemporaryFile", fail_with(errno.EACCES))
    refuse(OutputError, f"{path}: {WRITE_FAILURES[errno.EACCES]}", files.make_folder, path)


def test_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    rule = "a file stands where a folder is needed; name another --output"
    path = tmp_path / "a" / "b.txt"
    refuse(OutputError, f"{path}: {rule}", files.write_text, path, "new")
    refuse(OutputError, f"{tmp_path}/a: {rule}", files.make_folder, tmp_path / "a")
    refuse(OutputError, f"{tmp_path}/a/b: {rule}", files.make_folder, tmp_path / "a" / "b")


def test_folder_where_a_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    message = f"{path}: could not be written (is a directory); name another --output"
    refuse(OutputError, message, files.write_text, path, "new")
    assert list(tmp_path.iterdir()) == [path]


# Records


RECORD: dict[str, Any] = {"images": 3, "accuracy": None, "ok": True}


def test_record_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_record(path, RECORD)
    assert path.read_text() == '{\n  "schema": 1,\n  "images": 3,\n  "accuracy": null,\n  "ok": true\n}\n'
    assert files.read_json(path) == {"schema": 1, **RECORD}


DAMAGES = {
    "not JSON": (
        b'{"schema": 1,',
        "not valid JSON (Expecting property name enclosed in double quotes: line 1 column 14 (char 13)); "
        "write it again with the command that made it",
    ),
    "empty": (
        b"",
        "not valid JSON (Expecting value: line 1 column 1 (char 0)); write it again with the command that made it",
    ),
    "not UTF-8": (
        b'{"schema": 1, "a": "\xff"}',
        "not valid JSON ('utf-8' codec can't decode byte 0xff in position 20: invalid start byte); "
        "write it again with the command that made it",
    ),
    "NaN": (
        b'{"schema": 1, "accuracy": NaN}',
        "not valid JSON (NaN is not a JSON number); write it again with the command that made it",
    ),
    "list": (b"[1]", "holds list, a record must be a JSON object"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_record_damage(tmp_path: Path, case: str) -> None:
    content, message = DAMAGES[case]
    path = tmp_path / "a.json"
    path.write_bytes(content)
    refuse(FileFormatError, f"{path}: {message}", files.read_json, path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"schema": 1, "images": ' + b"9" * 5000 + b"}"])
def test_record_bomb(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="not valid JSON"):
        files.read_json(path)


AGAIN = "write it again with the command that made it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"schema": 1, "images": 1, "images": 2}', "key 'images' is there twice"),
        (b'{"schema": 1, "a": {"b": 1, "b": 1}}', "key 'b' is there twice"),
        (b'{"schema": 1, "accuracy": 1e999}', "1e999 is not a finite number"),
        (b'{"schema": 1, "images": 1' + b"0" * 400 + b"}", f"1{'0' * 19}… has more digits than any number of a record"),
        (b'{"schema": 1, "a": ' + b"[" * 70 + b"]" * 70 + b"}", "it is nested more than 64 deep"),
    ],
)
def test_what_json_lets_through_and_no_record_holds(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    refuse(FileFormatError, f"{path}: not valid JSON ({reason}); {AGAIN}", files.read_json, path)


def test_a_file_larger_than_any_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole, which takes no place
    message = f"{path}: has more than 16,777,216 bytes, and no record has; {AGAIN}"
    refuse(FileFormatError, message, files.read_json, path)


def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    endless = tmp_path / "link"
    endless.symlink_to("/dev/zero")
    for read in (files.read_json, files.read_tensors, files.file_hash):
        refuse(FileFormatError, f"{pipe}: cannot be read (is a pipe); name a readable file", read, pipe)
        refuse(FileFormatError, f"{endless}: cannot be read (is a device); name a readable file", read, endless)


@pytest.mark.parametrize(("schema", "shown"), [("2", "2"), ("true", "True"), ("1.0", "1.0"), ("null", "None")])
def test_record_of_another_schema(tmp_path: Path, schema: str, shown: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"schema": {schema}}}')
    message = (
        f"{path}: schema version {shown}, this rebnet reads version 1; "
        "write the file again with this version, or read it with the one that wrote it"
    )
    refuse(SchemaError, message, files.read_json, path)


@pytest.mark.parametrize("below", ["a.json", "file/a.json"])
def test_missing_files(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / below
    message = f"{path}: no such file; the stage that writes it has not run"
    refuse(FileFormatError, message, files.read_json, path)
    refuse(FileFormatError, message, files.read_tensors, path)
    refuse(FileFormatError, message, files.file_hash, path)


def test_folder_where_a_file_is_read(tmp_path: Path) -> None:
    message = f"{tmp_path}: cannot be read (is a directory); name a readable file"
    refuse(FileFormatError, message, files.read_json, tmp_path)
    refuse(FileFormatError, message, files.file_hash, tmp_path)
    refuse(FileFormatError, message, files.read_tensors, tmp_path)


# Tensors


def test_tensors_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    arrays: dict[str, NDArray[Any]] = {
        "scalar": np.array(3, np.int64),
        "transposed": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "strided": np.arange(9, dtype=np.uint8)[::2],
        "big_endian": np.arange(3, dtype=">i4"),
        "empty": np.zeros((0, 3), np.float32),
    }
    files.write_tensors(path, arrays, {"network": "γ"})
    found, metadata = files.read_tensors(path)
    assert metadata == {"schema": "1", "network": "γ"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_same_tensors_same_bytes(tmp_path: Path) -> None:
    """Also in another process: the hash of a file names its content."""
    code = (
        "import sys, numpy as np; from pathlib import Path; from rebnet import files; "
        "files.write_tensors(Path(sys.argv[1]), {'b': np.ones(3), 'a': np.ones(2)}, {c: c for c in 'zyxwvu'})"
    )
    paths = [tmp_path / str(index) for index in range(3)]
    for path in paths:
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert len({files.file_hash(path) for path in paths}) == 1


def test_file_hash(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert files.file_hash(path) == hashlib.sha256(b"abc").hexdigest()


def refuse_tensors(path: Path) -> None:
    """The words in parentheses are safetensors' own and differ between its versions."""
    sentence = rf"^{re.escape(str(path))}: not a readable safetensors file \(.+\); write it again$"
    with pytest.raises(FileFormatError, match=sentence):
        files.read_tensors(path)


@pytest.mark.parametrize("size", [0, 5, 40, -1])
def test_truncated_tensors(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, {"a": np.ones(9)}, {})
    path.write_bytes(path.read_bytes()[:size])
    refuse_tensors(path)


def test_corrupt_tensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"hello, this is not a tensor file")
    refuse_tensors(path)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F8_E4M3", 1)])
def test_element_type_without_numpy_twin(tmp_path: Path, dtype: str, size: int) -> None:
    path = tmp_path / "a.safetensors"
    tensor = f'"a":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,{size}]}}'
    header = f'{{"__metadata__":{{"schema":"1"}},{tensor}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    refuse_tensors(path)


@pytest.mark.parametrize(("metadata", "shown"), [(b'"__metadata__":{"schema":"7"}', "7"), (b"", "None")])
def test_tensors_of_another_schema(tmp_path: Path, metadata: bytes, shown: str) -> None:
    path = tmp_path / "a.safetensors"
    header = b"{" + metadata + b"}"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    message = (
        f"{path}: schema version {shown}, this rebnet reads version 1; "
        "write the file again with this version, or read it with the one that wrote it"
    )
    refuse(SchemaError, message, files.read_tensors, path)


# What killed processes left


def test_what_nobody_holds_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / f".rebnet-{'0' * 16}.part"
    others = [tmp_path / name for name in (".rebnet-x.part", f"rebnet-{'0' * 16}.part", f".rebnet-{'0' * 16}.part~")]
    for path in (left, *others):
        path.write_bytes(b"half")
    files.write_record(tmp_path / "a.json", {})
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "a.json"])
    left.write_bytes(b"half")
    files.make_folder(tmp_path)
    assert not left.exists()


def test_what_is_being_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = os.fsync, []

    def fsync(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", real)
        before = list(tmp_path.iterdir())
        files.make_folder(tmp_path)  # what another command would do now
        seen.append((before, list(tmp_path.iterdir())))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(tmp_path / "a", "whole")
    (before, after), *_ = seen
    assert len(before) == 1
    assert before == after
    assert (tmp_path / "a").read_text() == "whole"


def test_a_file_of_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from rebnet import files; "
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL); files.write_text(Path(sys.argv[1]), 'x')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    files.write_record(tmp_path / "b", {})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o002, 0o664), (0o022, 0o644)])
def test_the_umask_is_kept(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_a_name_as_long_as_the_system_takes(tmp_path: Path) -> None:
    files.write_text(tmp_path / ("n" * 255), "x")
    long = tmp_path / ("n" * 256)
    message = (
        f"{str(long)[:30]}… ({len(str(long))} characters): is longer than the system takes; name a shorter --output"
    )
    refuse(OutputError, message, files.write_text, long, "x")


def test_text_that_utf_8_has_no_code_for(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a", "b\udcff")
    assert (tmp_path / "a").read_bytes() == rb"b\udcff"
