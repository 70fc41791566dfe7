"""Built simulators, by the hash of all that they depend on.

These are programs that are run, so they are taken only from a folder, and from files, that nobody else may write; the
name of each holds the hash of its content, so a damaged one is not taken either.
"""

import errno
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rebnet.errors import OutputError
from rebnet.user_cache import user_cache

FOLDER = "simulators"
MOST = 64
"""Entries that are kept, the last used ones; a simulator is 0.5 to 2 MB."""
RECENT_S = 3600
"""An entry that was used in these seconds may be about to run, and stays."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_HASH_DIGITS = 40
_NEW = ".new-"
_OURS = re.compile(rf"[0-9a-f]{{{_HASH_DIGITS}}}-[0-9a-f]{{{_HASH_DIGITS}}}|{re.escape(_NEW)}\w+")
"""Names in the folder that this module gives; it deletes nothing else."""


def default_folder() -> Path:
    """Where simulators are kept if no folder is named; errors as in `user_cache`."""
    return user_cache(FOLDER, "simulate")


def key(*parts: str) -> str:
    """Hash of all that an entry depends on."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(b"%d:%s" % (len(data), data))
    return digest.hexdigest()[:_HASH_DIGITS]


def open_folder(folder: Path) -> Path:
    """Make the folder, for this user alone, and look whose it is.

    Raises:
        OutputError: it cannot be made or written, or others may write there.
    """
    with _errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.stat()
        with tempfile.TemporaryFile(dir=folder):
            pass  # only proves write access
    if status.st_uid != os.geteuid() or status.st_mode & _OTHERS_WRITE:
        raise OutputError(
            f"{folder}: the simulators in this folder are run, and it is another user's or others may write there "
            f"(owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o}); name another --cache-dir"
        )
    return folder


def find(folder: Path, name: str) -> Path | None:
    """The whole entry that is called `name`, and is this user's; None where there is none."""
    return next((path for path in sorted(folder.glob(f"{name}-*")) if _is_whole(path)), None)


def _is_whole(path: Path) -> bool:
    """Whether this is a file of this user, that others may not write, with the content that its name tells."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE
        if not ours or not path.name.endswith(_content_hash(file.read())):
            return False
        with suppress(OSError):
            os.utime(handle)  # the last used ones are kept
        return True


def _content_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]


def keep(folder: Path, name: str, made: Path) -> Path:
    """Take in a program or object file, in one step, and drop what was not used for long; the path of the entry.

    Two that make the same at once take in both, one over the other.

    Raises:
        OutputError: the folder cannot be written.
    """
    data = made.read_bytes()
    path = folder / f"{name}-{_content_hash(data)}"
    with _errors(folder):
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_NEW)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o700)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    drop_old(folder)
    return path


def drop_old(folder: Path) -> None:
    """Delete all but the `MOST` entries that were used last, and none that was used in the last `RECENT_S` seconds."""
    used = {}
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name):
            with suppress(OSError):  # another process did the same
                used[path] = path.lstat().st_mtime
    newest = sorted(used, key=lambda path: used[path], reverse=True)
    half_made = [path for path in newest if path.name.startswith(_NEW)]
    for path in {*newest[MOST:], *half_made}:
        if used[path] < time.time() - RECENT_S:
            with suppress(OSError):
                path.unlink()


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        in_its_way = error.errno in (errno.EEXIST, errno.ENOTDIR)
        reason = "a file stands in its way" if in_its_way else (error.strerror or str(error)).lower()
        raise OutputError(
            f"{folder}: simulators cannot be kept in this folder ({reason}); "
            "make room or change its permissions, or name another --cache-dir"
        ) from error
