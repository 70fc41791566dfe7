"""What a simulation compiles and runs: the texts that a network and its folding generate, against those of a build."""

import os
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import FileFormatError
from rebnet.generate.rtl import generated
from rebnet.simulate.cache import to_bytes
from rebnet.swap import scratch

_MOST_BYTES = 1 << 30
_SOURCE = re.compile(r"\w+\.sv", re.ASCII)


@dataclass(frozen=True)
class Files:
    """SystemVerilog and memory images by their names in a build, and the names of those that somebody edited."""

    sources: dict[str, str]
    memories: dict[str, str]
    edited: list[str]

    @contextmanager
    def memory_folder(self) -> Iterator[Path]:
        """A temporary folder that holds the memory images where the simulator looks for them."""
        with scratch("mem") as place:
            for name, text in self.memories.items():
                (place / name).parent.mkdir(exist_ok=True)
                (place / name).write_bytes(to_bytes(text))
            yield place


def files_of(build: Path, *, edited: bool = False) -> Files:
    """The texts that network.json and folding.json in `build` generate; `rtl/` and `mem/` must hold the same.

    Args:
        build: folder that `generate` has filled.
        edited: take the texts of `rtl/` and `mem/` where they differ, and further sources that are in `rtl/`.

    Raises:
        FileFormatError: a file differs and `edited` is not set, is missing, or is no regular file.
    """
    made = generated(build)
    sources, memories = dict(made.sources), dict(made.memories)
    different = []
    for texts in (sources, memories):
        for name, text in texts.items():
            found = _read(build, name)
            if found == text:
                continue
            if not edited:
                raise FileFormatError(
                    f"{build / name}: is not what this rebnet generates from network.json and folding.json; it was "
                    f"edited, or another version made it: run 'rebnet generate {shlex.quote(str(build))} --target "
                    "rtl' to write it again, or use --edited to run it as it is"
                )
            texts[name] = found
            different.append(name)
    if edited:
        for path in sorted((build / "rtl").glob("*.sv")):
            name = f"rtl/{path.name}"
            if name not in sources and _SOURCE.fullmatch(path.name):
                sources[name] = _read(build, name)
                different.append(name)
    return Files(sources, memories, different)


def _read(build: Path, name: str) -> str:
    """A text of the build itself: nothing that a link names is read."""
    path = build / name
    again = f"run 'rebnet generate {shlex.quote(str(build))} --target rtl' to write it again"
    if path.parent.is_symlink():
        raise FileFormatError(f"{path.parent}: is a link, and nothing outside of a build is read; {again}")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise FileFormatError(f"{path}: is not there; {again}") from None
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); {again}") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise FileFormatError(f"{path}: is no file of a usual size; {again}")
        return file.read().decode("utf-8", errors="surrogateescape")  # an edited file may hold any bytes
