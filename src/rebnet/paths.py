"""Paths as users write them."""

import errno
import os
from pathlib import Path

from rebnet.errors import OptionError

_LONG = 60
"""Characters of a path that a sentence shows whole."""


def path_of(name: str | Path) -> Path:
    """The path that `name` says; a leading `~` or `~user` is that user's home folder. Nothing need be there.

    Raises:
        OptionError: there is no such user, or the system takes no such path, as one that is too long.
    """
    try:
        path = Path(name).expanduser() if str(name).startswith("~") else Path(name)
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path
    except RuntimeError:
        raise OptionError(
            f"{name}: there is no such user; write the whole path of what is here under this name"
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OptionError(f"{shortened(name)}: is longer than the system takes; use a shorter path") from None
        reason = (error.strerror or str(error)).lower()
        raise OptionError(f"{name}: cannot be looked at ({reason}); name another path") from None
    except ValueError as error:
        raise OptionError(f"{str(name)!r}: is no path ({error}); name another") from None
    return path


def some_path_of(name: str | Path | None) -> Path | None:
    """`path_of`, where there is one."""
    return None if name is None else path_of(name)


def shortened(name: str | Path) -> str:
    """A path that may have thousands of characters, for a sentence."""
    text = str(name)
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]}… ({len(text)} characters)"


def followed(path: Path) -> Path:
    """What a link at `path` names, there or not; `path` itself where it is no link."""
    return path.resolve() if path.is_symlink() else path
