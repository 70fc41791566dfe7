"""What simulators and synthesizers work on: what a build's network and folding generate, and not what its folder holds.

`rtl/`, `mem/` and ports.json in a build are for people and their tools. A folder in which they say anything else than
`generate` would write was edited, by its owner or by a stranger, and is refused; who insists gets the edited files.
"""

import shlex
from dataclasses import replace
from pathlib import Path

from rebnet.errors import FileFormatError
from rebnet.generate.rtl import Generated, generated
from rebnet.ir import storage
from rebnet.plain import plain_file
from rebnet.rtl.ports import PORTS_FILE, SOURCE, memory_folder, read_ports
from rebnet.stages.folding import FOLDING_FILE

MADE_FROM = {"network": storage.NETWORK_FILE, "folding": FOLDING_FILE}
_MOST_BYTES = 1 << 28


def checked(build: Path, *, edited: bool = False) -> Generated:
    """The sources and memory images of the accelerator in `build`, the ones that its folder holds.

    Args:
        build: folder that `generate` has filled.
        edited: take the folder's files where they differ from what network and folding generate, and further sources
            that are in `rtl/`.

    Raises:
        FileFormatError: a record is missing, damaged or stale, a file is lost, leads out of the build or was edited.
        FoldingError: the folding does not fit the network.
    """
    ports = read_ports(build, MADE_FROM)
    made = generated(build, ports.top, memory_folder(ports), runtime_weights=bool(ports.runtime_weights))
    names = [f"rtl/{path.name}" for path in sorted((build / "rtl").glob("*.sv"))] if edited else []
    further = [name for name in names if SOURCE.fullmatch(name) and name not in ports.files]
    sources = {file: _text(build, file) for file in (*ports.files, *further)}
    memories = {file: _text(build, file) for file in ports.memories}
    anew = made.sources | made.memories
    different = [PORTS_FILE] if ports != made.ports else []
    different += [file for file, text in (sources | memories).items() if text != anew.get(file)]
    if not different:
        return made
    if not edited:
        again = "--target rtl --runtime-weights" if ports.runtime_weights else "--target rtl"
        raise FileFormatError(
            f"{build / different[0]}: is not what the build's network and folding generate, so it was edited or is of "
            f"another version; run 'rebnet generate {shlex.quote(str(build))} {again}' to make it again, or "
            "insist with --edited"
        )
    return replace(made, sources=sources, memories=memories, ports=ports, edited=tuple(different))


def _text(build: Path, file: str) -> str:
    path = plain_file(build, file)
    if path is None or path.stat().st_size > _MOST_BYTES:
        raise FileFormatError(f"{build / file}: is lost or larger than {_MOST_BYTES} bytes; make the build again")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise FileFormatError(f"{path}: is no text in UTF-8; make the build again") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileFormatError(f"{path}: cannot be read ({reason}); name a readable file") from None
