"""`ports.json`: what a generated accelerator is made of, as its simulators and synthesizers read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError
from rebnet.files import file_hash
from rebnet.records import read

PORTS_FILE = "ports.json"


def read_ports(build: Path, made_from: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the record; every file that it names is there.

    Args:
        build: folder that `generate` has filled.
        made_from: inputs of the record that must be as they were, and their files.

    Raises:
        FileFormatError: the record is missing or damaged, was made from another input, or names a lost file.
    """
    path = build / PORTS_FILE
    ports = read(path)
    for key, file in (made_from or {}).items():
        if ports["inputs"].get(key) != file_hash(build / file):
            raise FileFormatError(f"{path}: was made from another {file}; run 'rebnet compile' again")
    for key in ("files", "memories"):
        for file in ports[key]:
            if not (build / file).is_file():
                raise FileFormatError(
                    f"{path}: key {key!r} names {file!r}, which is not there; run 'rebnet compile' again"
                )
    return ports
