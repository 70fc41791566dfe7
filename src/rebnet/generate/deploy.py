"""What a board with PYNQ needs beside its bitstream: the driver, the record of the shell, a program that validates."""

from collections.abc import Mapping
from pathlib import Path

from rebnet.boards.shells.axi import pynq
from rebnet.build_folder import check_build
from rebnet.errors import FileFormatError, OutputError
from rebnet.files import file_hash, make_folder, write_text
from rebnet.generate.axi import FOLDER as SHELL_FOLDER
from rebnet.generate.check import MADE_FROM
from rebnet.records import read
from rebnet.records.generated import Deployed
from rebnet.records.shell import ShellBuild
from rebnet.rtl.ports import PORTS_FILE, read_ports

FOLDER = "deploy"


def write_deploy(build: Path, output: Path | None = None) -> Deployed:
    """Write what is copied to a board with PYNQ: driver.py, validate.py, README.md, and shell.json of the build.

    A file that is there already and says anything else is left as it is, and nothing is written.

    Args:
        build: folder with an AXI shell.
        output: folder of the files; BUILD/deploy if None.

    Returns:
        The folder, its files and the network that they are for.

    Raises:
        FileFormatError: the build has no AXI shell, or it is that of other RTL.
        OutputError: a file is there that says something else, or the folder cannot be written.
    """
    check_build(build)
    ports = read_ports(build, MADE_FROM)
    place = build / SHELL_FOLDER / ShellBuild.FILE
    if not place.exists():
        raise FileFormatError(f"{place}: no such file; make the shell first: rebnet generate {build} --target axi")
    shell = read(place, ShellBuild)
    if shell.inputs.get("ports") != file_hash(build / PORTS_FILE) or shell.network != ports.inputs["network"]:
        raise FileFormatError(
            f"{place}: is not of the RTL that is there; make the shell again: rebnet generate {build} --target axi"
        )
    texts = texts_beside(place.read_text(encoding="utf-8"))
    folder = build / FOLDER if output is None else output
    put_texts(folder, texts)
    return Deployed(folder=str(folder), files=tuple(texts), network=shell.network)


def texts_beside(shell: str) -> dict[str, str]:
    """The files that stand beside a bitstream with a shell, whose shell.json is `shell`, by name."""
    return {name: pynq.text(name) for name in pynq.FILES} | {ShellBuild.FILE: shell}


def check_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Raise `OutputError` where one of the files is in a folder and says anything else."""
    for name, text in texts.items():
        there = folder / name
        if there.exists() and not (there.is_file() and there.read_bytes() == text.encode()):
            raise OutputError(f"{there}: is there and says something else; take it away or name another --output")


def put_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files into a folder, which need not be there; none, where one of them is there and says anything else.

    Raises:
        OutputError: a file is there that says something else, or the folder cannot be written.
    """
    check_texts(folder, texts)
    make_folder(folder)
    for name, text in texts.items():
        make_folder((folder / name).parent)
        write_text(folder / name, text)
