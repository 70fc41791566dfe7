"""Records: the one reader of every JSON file that rebnet writes, and the form of each.

A record is read once, here, and is then known to be of its form: types, ranges, lengths, and what its own numbers
imply of each other. What lies behind this door need not check again.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError
from rebnet.files import read_json
from rebnet.records.consistent import check_consistent
from rebnet.records.form import Form
from rebnet.records.forms import FORMS, RESOURCES

__all__ = ["FORMS", "RESOURCES", "Record", "read", "read_if_there"]

Record = dict[str, Any]


def read(path: Path, form: Form | None = None, *, needs: Collection[str] = ()) -> Record:
    """The record in the file `path`, checked.

    Args:
        path: the file.
        form: what it must hold; that of the file's name if None.
        needs: keys that must be there though the form lets them be left out.

    Raises:
        FileFormatError: no such file, no record, or a key that is missing or holds what it must not; names the
            file, the key, the value and what is legal.
        SchemaError: of another schema version.
    """
    record = read_json(path)
    try:
        (form or FORMS[path.name]).check("", record)
        for key in needs:
            if key not in record:
                raise ValueError(f"key {key!r} is missing")
        if form is None:
            check_consistent(path.name, record)
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}; run the stage that writes it again") from None
    return record


def read_if_there(path: Path, *, needs: Collection[str] = ()) -> Record | None:
    """The same, or None where there is no such file."""
    return read(path, needs=needs) if path.exists() or path.is_symlink() else None
