"""Files of a folder that a stranger may have made: plain ones, inside of it.

What such a folder names or holds is no reason to read, write or delete anything outside of it, to wait for a pipe, or
to hand a word of a stranger's to another tool: a name has a strict form, and no link is followed.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from rebnet.errors import FileFormatError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""Names of modules, ports and instances, in every text that rebnet makes for another tool."""


def plain_file(folder: Path, file: str) -> Path | None:
    """The path of `file` in `folder`, or None where there is no such file.

    Args:
        folder: may be reached through links itself.
        file: relative, with '/' between its parts.

    Raises:
        FileFormatError: it, or a folder on the way to it, leads out of `folder`, is a link or no plain file.
    """
    parts = file.split("/")
    if not all(parts) or "\0" in file or not {".", ".."}.isdisjoint(parts):
        raise FileFormatError(f"{folder}: names {file!r}, which leads out of it; make the folder again")
    path = folder
    for number, part in enumerate(parts, start=1):
        path = path / part
        kind = _kind(path)
        if kind is None:
            return None
        _check(path, kind, stat.S_ISREG if number == len(parts) else stat.S_ISDIR)
    return path


def check_plain(folder: Path, files: Iterable[str], folders: Iterable[str]) -> None:
    """Raise `FileFormatError` unless of these names every one that `folder` holds is plain, with all that is inside."""
    for file in files:
        kind = _kind(folder / file)
        if kind is not None:
            _check(folder / file, kind, stat.S_ISREG)
    for name in folders:
        kind = _kind(folder / name)
        if kind is None:
            continue
        _check(folder / name, kind, stat.S_ISDIR)
        for place, inner, found in os.walk(folder / name):
            for entry in inner:
                _check(Path(place, entry), _kind(Path(place, entry)), stat.S_ISDIR)
            for entry in found:
                _check(Path(place, entry), _kind(Path(place, entry)), stat.S_ISREG)


def _kind(path: Path) -> int | None:
    """The mode of what stands there itself, not behind a link; None where there is nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileFormatError(f"{path}: cannot be read ({reason}); name a readable folder") from None


def _check(path: Path, mode: int | None, wanted: Callable[[int], bool]) -> None:
    if mode is None or wanted(mode):
        return
    what = "a folder" if wanted is stat.S_ISDIR else "a plain file"
    found = "a link" if stat.S_ISLNK(mode) else f"not {what}"
    raise FileFormatError(
        f"{path}: is {found}; a build holds {what} of its own there and leads nowhere else; put the original in its "
        "place, or make the build again"
    )
