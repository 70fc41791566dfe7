"""Records: the form of every JSON file that rebnet writes, one a file, and the one reader of all of them.

A record is a frozen dataclass whose annotations are its form (`rebnet.records.record`). It is read once, here, and is
then known to be of its form: types, ranges, lengths, and what its own numbers imply of each other. What lies behind
this door need not check again.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from rebnet.errors import FileFormatError
from rebnet.records.adaptive import Adaptive
from rebnet.records.compiling import Compile
from rebnet.records.evaluation import Evaluation
from rebnet.records.folding import Folding, GivenFolding
from rebnet.records.importing import Import
from rebnet.records.kinds import RESOURCES
from rebnet.records.network import StoredNetwork
from rebnet.records.online import Online
from rebnet.records.ports import Ports
from rebnet.records.record import ABSENT, Absent, Record
from rebnet.records.shell import ShellBuild
from rebnet.records.simulation import Simulation
from rebnet.records.synthesis import Synthesis
from rebnet.records.training import Training
from rebnet.records.weights import Weights

__all__ = [
    "ABSENT",
    "FORMS",
    "RESOURCES",
    "Absent",
    "Adaptive",
    "Compile",
    "Evaluation",
    "Folding",
    "GivenFolding",
    "Import",
    "Online",
    "Ports",
    "Record",
    "ShellBuild",
    "Simulation",
    "StoredNetwork",
    "Synthesis",
    "Training",
    "Weights",
    "among",
    "read",
    "read_any",
    "read_if_there",
]

FORMS: Mapping[str, type[Record]] = {
    each.FILE: each
    for each in (
        *(Training, Import, Compile, StoredNetwork, Folding, Ports),
        *(Evaluation, Adaptive, Online, Simulation, Synthesis, ShellBuild, Weights),
    )
}
"""By the file that holds it."""
R = TypeVar("R", bound=Record)


def read(path: Path, form: type[R], *, needs: Collection[str] = ()) -> R:
    """The record in the file `path`, checked.

    Args:
        path: the file.
        form: what it must hold.
        needs: keys that must be there though the form lets them be left out.

    Raises:
        FileFormatError: no such file, no record, or a key that is missing or holds what it must not; names the
            file, the key, the value and what is legal.
        SchemaError: of another schema version.
    """
    from rebnet.files import read_json  # which takes numpy along

    found = {key: value for key, value in read_json(path).items() if key != "schema"}
    try:
        record = form.from_json("", found)
        for key in needs:
            if key not in record:
                raise ValueError(f"key {key!r} is missing")
        record.check()
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}; {form.AGAIN}") from None
    return record


def read_any(path: Path) -> Record:
    """The same, of the form of the file's name."""
    return read(path, FORMS[path.name])


def among(records: Mapping[str, Record], form: type[R]) -> R | None:
    """The record of this form among records by their files; None where there is none."""
    record = records.get(form.FILE)
    return record if isinstance(record, form) else None


def read_if_there(path: Path, form: type[R]) -> R | None:
    """The same, or None where there is no such file."""
    return read(path, form) if path.exists() or path.is_symlink() else None
