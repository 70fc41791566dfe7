"""`ports.json`: what a generated accelerator is made of, as its simulators and synthesizers read it.

Its names and paths go into the scripts of other tools and to where files are read and copied, so they have the form
that `generate` gives them and no other.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from rebnet.errors import FileFormatError
from rebnet.files import file_hash
from rebnet.plain import NAME, plain_file
from rebnet.records import Ports, read

PORTS_FILE = "ports.json"
CLOCK = "aclk"
MEMORY_FOLDER = "mem"
SOURCE = re.compile(rf"rtl/{NAME.pattern}\.sv")
"""Names of sources in a build."""
_FILES = {
    "files": (SOURCE, "rtl/NAME.sv"),
    "memories": (re.compile(rf"{NAME.pattern}/{NAME.pattern}\.hex(\.[0-9]{{3}})?"), f"{MEMORY_FOLDER}/NAME.hex"),
}
_AGAIN = "run 'rebnet compile' again"


def read_ports(build: Path, made_from: Mapping[str, str] | None = None) -> Ports:
    """Read the record; every name in it is a plain one, and every file that it names is there, inside of the build.

    Args:
        build: folder that `generate` has filled.
        made_from: inputs of the record that must be as they were, and their files.

    Raises:
        FileFormatError: the record is missing or damaged, was made from another input, or names a lost file or one
            that is not the build's.
    """
    path = build / PORTS_FILE
    ports = read(path, Ports)
    for key, file in (made_from or {}).items():
        if ports.inputs.get(key) != file_hash(build / file):
            raise FileFormatError(f"{path}: was made from another {file}; {_AGAIN}")
    if NAME.fullmatch(ports.top) is None:
        raise FileFormatError(
            f"{path}: key 'top' holds {ports.top!r}; a module's name has letters, digits and '_' only, at most 64; "
            f"{_AGAIN}"
        )
    if ports.clock != CLOCK:
        raise FileFormatError(f"{path}: key 'clock' holds {ports.clock!r}, it must hold {CLOCK!r}; {_AGAIN}")
    _check_files(path, build, "files", ports.files)
    _check_files(path, build, "memories", ports.memories)
    return ports


def memory_folder(ports: Ports) -> str:
    """The folder of the memory images, as the sources name it."""
    return ports.memories[0].split("/")[0] if ports.memories else MEMORY_FOLDER


def _check_files(path: Path, build: Path, key: str, files: tuple[str, ...]) -> None:
    form, example = _FILES[key]
    for file in files:
        if form.fullmatch(file) is None:
            raise FileFormatError(f"{path}: key {key!r} names {file!r}; names there are like {example!r}; {_AGAIN}")
        if plain_file(build, file) is None:
            raise FileFormatError(f"{path}: key {key!r} names {file!r}, which is not there; {_AGAIN}")
    if len(set(files)) < len(files):
        raise FileFormatError(f"{path}: key {key!r} names a file twice; {_AGAIN}")
