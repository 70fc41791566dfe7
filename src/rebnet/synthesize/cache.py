"""Results of synthesis by the hash of all that they depend on."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from rebnet.errors import FileFormatError, OutputError
from rebnet.files import write_record
from rebnet.records import read
from rebnet.records.synthesis import CountedUnit
from rebnet.user_cache import user_cache


def default_folder() -> Path:
    """Where results are kept if no folder is named: `rebnet/synthesis` in the user's cache.

    Raises:
        MissingExtraError: platformdirs, which knows where that is, is not installed.
    """
    return user_cache("synthesis", "synthesize")


def key(text: str, commands: Sequence[str], tool: str) -> str:
    """Hash of a unit's text, the commands that it goes through, and the tool."""
    return hashlib.sha256(json.dumps([text, list(commands), tool]).encode()).hexdigest()


def find(folder: Path, name: str) -> CountedUnit | None:
    """The result called `name`; None where there is none that can be read."""
    try:
        return read(folder / f"{name}.json", CountedUnit)
    except FileFormatError:
        return None


def keep(folder: Path, name: str, record: CountedUnit) -> None:
    """Write a result, in one step.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        write_record(folder / f"{name}.json", record)
    except OutputError as error:
        reason = getattr(error.__cause__, "strerror", None) or str(error)
        raise OutputError(
            f"{folder}: results cannot be kept in this folder ({reason.lower()}); "
            "make room or change its permissions, or name another --cache-dir"
        ) from error
