"""New files and folders in the place of old ones: whole or not at all, whatever ends the process.

What is new is made in a workplace, a hidden folder beside the place that it will take, and then changes places with the
old in one step, Linux' `renameat2` with RENAME_EXCHANGE. Where a file system cannot do that, the old one is moved into
the workplace first; a process that is killed in between leaves it there, and the next command brings it back.

A workplace is locked by its process. One that nobody holds was left by a process that was killed, and goes away with
the next workplace in the same folder.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rebnet.errors import OutputError
from rebnet.files import output_errors

_MARK, _LOCK, _OLD = ".rebnet-", ".lock", ".old"
_LEFT = re.compile(r"\..*" + re.escape(_MARK) + r"(?:[A-Za-z0-9_]{8}|[0-9a-f]{16})")
_MOST_LABEL = 60
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


@contextmanager
def workplace(folder: Path, label: str) -> Iterator[Path]:
    """A hidden folder in `folder` for what is being made, by its whole path.

    It goes away at the end, and so do those of processes that were killed.

    Args:
        folder: where the result will be; it exists.
        label: what the hidden folder is called after.

    Raises:
        OutputError: `folder` cannot be written.
    """
    with output_errors(folder):
        tidy(folder)
        work = folder.resolve() / f".{label[:_MOST_LABEL]}{_MARK}{secrets.token_hex(8)}"
        try:  # the name is known before the folder is there: a signal may come behind any step
            work.mkdir(0o700)
            with (work / _LOCK).open("wb") as lock:
                with contextlib.suppress(OSError):  # a file system without locks: nobody tidies there
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield work
        finally:
            try:
                _take_away(work, folder)
            except KeyboardInterrupt:
                _take_away(work, folder)
                raise


@contextmanager
def scratch(label: str) -> Iterator[Path]:
    """A workplace in the folder for temporary files, for what no folder of the user's will hold.

    Args:
        label: what it is called after.

    Raises:
        OutputError: the folder for temporary files cannot be written, or the disk is full.
    """
    with workplace(Path(tempfile.gettempdir()), f"rebnet-{label}") as work:
        yield work


def put(new: Sequence[Path], folder: Path) -> None:
    """Put files and folders of a workplace into `folder`, in this order, where those of the same names go out of it.

    Each takes its place in one step; where one cannot, those before it go back.

    Args:
        new: in one folder of a workplace of `folder`; afterwards the old ones are there.
        folder: where they will be.

    Raises:
        OutputError: `folder` cannot be written, or a folder is in the place of a file.
    """
    for path in new:
        place = folder / path.name
        if place.is_dir() and not place.is_symlink() and not path.is_dir():
            raise OutputError(
                f"{place}: a folder stands where a file is needed; move it away, or name another --output"
            )
    with output_errors(folder):
        which = {path: path.lstat().st_ino for path in new}
        try:
            for path in new:
                _put(path, folder / path.name)
        except BaseException:
            for path in reversed(new):
                _take_back(path, folder / path.name, which[path])
            raise


def tidy(folder: Path) -> None:
    """Take away what killed processes of this user left in `folder`; what they had moved away comes back."""
    try:
        left = [path for path in folder.iterdir() if _LEFT.fullmatch(path.name)]
    except OSError:  # nothing is made there either
        return
    for work in left:
        with contextlib.suppress(OSError):
            if work.is_symlink() or work.lstat().st_uid != os.geteuid() or not (work / _LOCK).is_file():
                continue
            with (work / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _take_away(work, folder)


def _put(new: Path, place: Path) -> None:
    if not os.path.lexists(place):
        new.rename(place)
        return
    try:
        _exchange(new, place)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        _put_in_two_steps(new, place)


def _take_back(new: Path, place: Path, which: int) -> None:
    """Undo `_put`, where the file or folder with the number `which` has come to its place."""
    if not os.path.lexists(place) or place.lstat().st_ino != which:
        return
    if os.path.lexists(new):
        _put(new, place)
    else:
        place.rename(new)


def _exchange(one: Path, other: Path) -> None:
    """Let two names change places; `OSError` where the file system or the C library cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if renameat2(*paths, _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _put_in_two_steps(new: Path, place: Path) -> None:
    work = next(parent for parent in new.parents if _LEFT.fullmatch(parent.name))
    (work / _OLD).mkdir(exist_ok=True)
    old = place.rename(work / _OLD / place.name)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise
    old.rename(new)


def _take_away(work: Path, folder: Path) -> None:
    """Remove a workplace; what was moved out of `folder` and has no successor there goes back."""
    old = work / _OLD
    for path in old.iterdir() if old.is_dir() and not old.is_symlink() else ():
        if not os.path.lexists(folder / path.name):
            path.rename(folder / path.name)
    shutil.rmtree(work, ignore_errors=True)
