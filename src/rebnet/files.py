"""Reading and writing files so that nothing is ever half-written and nothing is trusted.

Writers put the bytes under a temporary name in the same folder and rename it: a reader sees the old
file or the new one. Readers turn every damage into a `FileFormatError` that names the file.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import secrets
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from rebnet.errors import FileFormatError, OutputError, SchemaError
from rebnet.paths import shortened

SCHEMA = 1
"""Version of every file that rebnet writes; a reader refuses any other."""

_UNFINISHED = re.compile(r"\.rebnet-[0-9a-f]{16}\.part")
"""Names of files that are being written; locked by the process that writes."""
MAX_RECORD_BYTES = 16 << 20
"""A record is smaller; the learning curve of 50,000 epochs is."""
MAX_NESTING = 64
"""Objects and lists in each other; a chain of trainings, each of which started from another, takes one each."""

Array = NDArray[Any]
"""Elements of any type."""
Arrays = Mapping[str, Array]


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` while writing `path` into an `OutputError` that names the way out."""
    try:
        yield
    except OSError as error:
        raise OutputError(_output_sentence(path, error)) from error


def _output_sentence(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full, nothing was written; free some space and run it again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: no permission to write here; name another --output or change its permissions"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path}: a file stands where a folder is needed; name another --output"
    if error.errno == errno.ENAMETOOLONG:
        return f"{shortened(path)}: is longer than the system takes; name a shorter --output"
    return f"{path}: could not be written ({_reason(error)}); name another --output"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def make_folder(path: Path) -> Path:
    """Create `path` with its parents; raise `OutputError` where that is not possible."""
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        probe = tempfile.TemporaryFile(dir=path)  # noqa: SIM115 - closed at once, only proves write access
        probe.close()
        _sweep(path)
    return path


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step: the file is the old one or the new one, never a part.

    It may be read and written by whom the process's umask allows.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(path.parent) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)


@contextmanager
def _unfinished(folder: Path) -> Iterator[BinaryIO]:
    """A new file in `folder` with a name that `_sweep` knows; it goes away at the end, if it still has that name."""
    file = _held(folder)
    try:
        yield file
    finally:
        Path(file.name).unlink(missing_ok=True)
        file.close()


def _held(folder: Path) -> BinaryIO:
    while True:
        file = (folder / f".rebnet-{secrets.token_hex(8)}.part").open("xb")
        with suppress(OSError):  # a file system without locks: nobody sweeps there
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # not swept between its making and its lock
            return file
        file.close()


def _sweep(folder: Path) -> None:
    """Take away what processes that were killed left unfinished in `folder`: what nobody holds any more."""
    for path in [path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name)]:
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def hold(file: int | IO[Any], busy: str) -> None:
    """Hold an open file or folder against other processes, until it is closed or this one ends, however that ends.

    A file system without locks lets everybody in.

    Raises:
        OutputError: another process holds it; `busy` says so.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(busy) from None
    except OSError:  # a file system without locks
        return


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step, as UTF-8; what that has no code for, as a name's stray byte, is escaped."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """Write a JSON record with its schema version first."""
    with suppress(OSError):
        _sweep(path.parent)
    write_text(path, record_text(record))


def record_text(record: Mapping[str, object]) -> str:
    """The text of a JSON record, as `write_record` writes it."""
    return json.dumps({"schema": SCHEMA, **record}, indent=2, allow_nan=False) + "\n"


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read; never wait for a pipe, and refuse what is no file.

    Raises:
        FileFormatError: there is none, it cannot be read, or it is a pipe, a device, a socket or a folder.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise FileFormatError(f"{path}: no such file; the stage that writes it has not run") from None
    except ValueError as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); name a readable file") from None
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({_reason(error)}); name a readable file") from None
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    kinds = {stat.S_IFDIR: "is a directory", stat.S_IFIFO: "is a pipe", stat.S_IFSOCK: "is a socket"}
    raise FileFormatError(
        f"{path}: cannot be read ({kinds.get(stat.S_IFMT(mode), 'is a device')}); name a readable file"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON record and check its schema version.

    Raises:
        FileFormatError: no such file, or none that holds a record.
        SchemaError: of another schema version.
    """
    record = read_object(path)
    check_schema(path, record.get("schema"))
    return record


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object, of whoever wrote it.

    What JSON lets through and no record holds is refused: keys that are there twice, numbers that are not finite or
    have more than 64 bits, texts, files and nesting beyond any record's.

    Raises:
        FileFormatError: no such file, or none that holds a record.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_RECORD_BYTES + 1)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({_reason(error)}); name a readable file") from None
    if len(data) > MAX_RECORD_BYTES:
        raise FileFormatError(
            f"{path}: has more than {MAX_RECORD_BYTES:,} bytes, and no record has; write it again with the "
            "command that made it"
        )
    try:
        record = json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole,
            object_pairs_hook=_object,
        )  # fmt: skip
        _check_depth(record)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: not valid JSON ({error}); write it again with the command that made it"
        ) from None
    if not isinstance(record, dict):
        raise FileFormatError(f"{path}: holds {type(record).__name__}, a record must be a JSON object")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"{text[:20]}… has more digits than any number of a record")
    return int(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"key {twice[:40]!r} is there twice")
    return found


def _check_depth(record: object) -> None:
    """Refuse what is nested deeper than any record is, and would end the stack of who walks it."""
    level = [record]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_NESTING} deep")


def check_schema(path: Path, schema: object) -> None:
    """Raise `SchemaError` unless `schema` is this version's number."""
    if str(schema) != str(SCHEMA):
        raise SchemaError(
            f"{path}: schema version {schema}, this rebnet reads version {SCHEMA}; "
            "write the file again with this version, or read it with the one that wrote it"
        )


def write_tensors(path: Path, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write arrays to a safetensors file in one step, the schema version in its metadata.

    The same arrays and metadata give the same bytes, so the file's hash names its content.
    """
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_bytes(path, _sort_metadata(safetensors.numpy.save(plain, {"schema": str(SCHEMA), **metadata})))


def _sort_metadata(data: bytes) -> bytes:
    """Rewrite a safetensors header with sorted metadata; safetensors writes them in random order."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def read_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a safetensors file; return its arrays and its metadata.

    Raises `FileFormatError` if the file is missing or corrupt and `SchemaError` on another version.
    """
    open_regular(path).close()  # safetensors would wait for a pipe
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (safetensors.SafetensorError, OSError, TypeError, AttributeError, ValueError, OverflowError) as error:
        # TypeError and AttributeError: an element type that numpy does not have, such as bfloat16
        raise FileFormatError(f"{path}: not a readable safetensors file ({error}); write it again") from None
    foreign = next((str(array.dtype) for array in arrays.values() if array.dtype.kind not in "biuf"), None)
    if foreign is not None:  # numpy has it where another package brought it, as onnx does
        raise FileFormatError(f"{path}: not a readable safetensors file (element type {foreign}); write it again")
    check_schema(path, metadata.get("schema"))
    return arrays, metadata


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex; raise `FileFormatError` where it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({_reason(error)}); name a readable file") from None
