"""Write the locks: every distribution that `make install` takes, its version, and the SHA-256 of each of its files.

    .venv/bin/python tools/lock.py [FOLDER ...]

Needs `uv` on the PATH, which resolves pyproject.toml (all extras but `benchmark`, and what the build requires) within
constraints.txt, for every Python that the project runs on, and asks the index for the hashes of all files of each
version; uv's own settings say which index that is.

`requirements.lock` is all but torch, of which an index and a folder may offer different builds:
`requirements-cpu.lock` is a build for the CPU alone, taken from the wheels in FOLDER, and `requirements-index.lock` the
index's own with what only that one requires, on Linux libraries for GPUs.

A hash that stood in a lock stays for as long as its version stays, so a lock can be made again where not all of its
files are at hand; to begin anew, delete the locks first.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CONSTRAINTS = "constraints.txt"
LOCK, CPU_LOCK, INDEX_LOCK = "requirements.lock", "requirements-cpu.lock", "requirements-index.lock"
OLDEST_PYTHON = "3.11"
HEAD = "# {}, with the SHA-256 of every file; made by tools/lock.py from pyproject.toml and constraints.txt.\n"
HEADS = {
    LOCK: HEAD.format("What 'make install' takes besides torch"),
    CPU_LOCK: HEAD.format("torch for the CPU alone, where it is offered"),
    INDEX_LOCK: HEAD.format("torch as the index has it, and what it requires besides"),
}
_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_VIA = "    # via "  # how uv says what requires the entry above
_ENTRY = re.compile(r"([A-Za-z0-9._-]+)==(\S+)(?: ; (.+))?")


@dataclass(frozen=True)
class Entry:
    """One distribution of a lock; `hashes` are SHA-256 in hexadecimal, `parents` the names that require it."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]
    parents: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """As pip reads it."""
        marker = f" ; {self.marker}" if self.marker else ""
        return " \\\n    ".join(
            [f"{self.name}=={self.version}{marker}", *(f"--hash=sha256:{h}" for h in sorted(self.hashes))]
        )


def read(text: str) -> dict[str, Entry]:
    """The entries of a lock, or of what uv prints, by name.

    Raises:
        ValueError: a line that is neither.
    """
    found: list[Entry] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(_VIA):
            parents = frozenset(line.removeprefix(_VIA).split(", "))
            found[-1] = replace(found[-1], parents=parents)
        elif line and not line.startswith("#"):
            head, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
            match = _ENTRY.fullmatch(head)
            if match is None or not hashes:
                raise ValueError(f"{line!r} is not NAME==VERSION with SHA-256 hashes")
            found.append(Entry(canonicalize_name(match[1]), match[2], match[3] or "", frozenset(hashes)))
    return {entry.name: entry for entry in found}


def pinned(text: str) -> dict[str, str]:
    """The version of each name of constraints.txt."""
    lines = [line.split("==") for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in lines}


def split(resolved: dict[str, Entry], versions: dict[str, str]) -> dict[str, dict[str, Entry]]:
    """The entries of the locks, by file name, in the order of their names; what Linux does not need is left out.

    Raises:
        ValueError: a distribution that something other than torch requires has no version in constraints.txt.
    """
    needed = {n: e for n, e in resolved.items() if not e.marker or Marker(e.marker).evaluate(_LINUX)}
    index = {name: entry for name, entry in needed.items() if name == "torch" or name not in versions}
    for name, entry in index.items():
        others = sorted(entry.parents - index.keys())
        if name != "torch" and others:
            raise ValueError(f"{name}=={entry.version}, required by {others[0]}, is not in {CONSTRAINTS}; add it there")
    return {LOCK: {n: needed[n] for n in sorted(needed.keys() - index.keys())}, INDEX_LOCK: dict(sorted(index.items()))}


def torch_for_cpu(wheels: list[Path], version: str) -> dict[str, Entry]:
    """The entry of those `wheels` that are torch of `version` for the CPU, if there is one."""
    version += "+cpu"
    files = [path for path in wheels if parse_wheel_filename(path.name)[:2] == ("torch", Version(version))]
    hashes = frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    return {"torch": Entry("torch", version, "", hashes)} if files else {}


def with_old(entries: dict[str, Entry], old: dict[str, Entry]) -> dict[str, Entry]:
    """The entries with the hashes that `old` has for the same versions."""
    return {
        name: replace(entry, hashes=entry.hashes | old[name].hashes)
        if name in old and old[name].version == entry.version
        else entry
        for name, entry in entries.items()
    }


def resolve() -> dict[str, Entry]:
    """Everything that the project, its extras, its development and its build require, from the index."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("tools/lock.py needs uv, which resolves for every Python at once; install it (pip install uv)")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", OLDEST_PYTHON]
    command += [
        "--annotation-style",
        "line",
        "--extra=all",
        "--extra=dev",
        "--extra=docs",
        "-c",
        CONSTRAINTS,
        "pyproject.toml",
        "-",
    ]
    done = subprocess.run(command, input="\n".join(build), stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # uv has said why
    return read(done.stdout)


def main(folders: list[str]) -> None:
    """Write the locks; that of torch for the CPU only where a folder has such a wheel."""
    versions = pinned((ROOT / CONSTRAINTS).read_text())
    wheels = [path for folder in folders for path in sorted(Path(folder).glob("*.whl"))]
    locks = split(resolve(), versions) | {CPU_LOCK: torch_for_cpu(wheels, versions["torch"])}
    for file_name, entries in locks.items():
        path = ROOT / file_name
        if not entries and path.exists():
            continue
        whole = with_old(entries, read(path.read_text()) if path.exists() else {})
        path.write_text(HEADS[file_name] + "".join(f"{entry}\n" for entry in whole.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
