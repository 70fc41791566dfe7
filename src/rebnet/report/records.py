"""The records of one build, checked; what is not there, stale or of another schema says so and is not used.

A record is stale where the hash of a file that it was made from is not that of the file in the build. A damaged record
is an error.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import OptionError, SchemaError
from rebnet.files import SCHEMA, file_hash
from rebnet.ir import storage
from rebnet.ir.ops import Network, ResidualSign
from rebnet.records import RESOURCES, Record, read
from rebnet.rtl.accelerator import Accelerator
from rebnet.rtl.folding import FOLDING_FILE, read_accelerator

__all__ = ["RESOURCES", "Build", "Link", "Record", "read_build"]

SOURCES = {
    "network": "network.json",
    "exported": "exported/network.json",
    "training": "training.json",
    "folding": "folding.json",
    "ports": "ports.json",
    "simulation": "simulation.json",
}
"""The file in the build that each key of `inputs` is the hash of."""


_FILES = (
    "training.json", FOLDING_FILE, "evaluation.json", "adaptive.json", "simulation.json", "synthesis.json",
)  # fmt: skip
"""The records whose figures a page shows."""


@dataclass(frozen=True)
class Link:
    """One hash in a record: `record` was made from `source`; `whole` says whether the build still holds that file."""

    record: str
    source: str
    whole: bool


@dataclass(frozen=True)
class Build:
    """What the records of a build say.

    Attributes:
        name: the folder as it was named.
        folder: where it is.
        network: the integer network.
        accelerator: its chain of modules; None where it was not folded.
        gammas: of each residual sign, the factors at each m = 1 … M; empty where the exported network is not there.
        records: those that can be used, by file.
        unused: why another one that is there cannot, by file.
        links: every hash that names a file of the build.
        hashes: SHA-256 of each record that is there, by file.
    """

    name: str
    folder: Path
    network: Network
    accelerator: Accelerator | None
    gammas: tuple[tuple[tuple[float, ...], ...], ...]
    records: Mapping[str, Record]
    unused: Mapping[str, str]
    links: tuple[Link, ...]
    hashes: Mapping[str, str]

    def get(self, file: str) -> Record | None:
        """The record of that file, if it can be used."""
        return self.records.get(file)

    @property
    def dataset(self) -> str | None:
        """The data set that it was trained on, or else evaluated or simulated with."""
        for file in ("training.json", "evaluation.json", "simulation.json"):
            record = self.get(file)
            if record is not None:
                return str(record["dataset"])
        return None

    @property
    def served(self) -> tuple[int, ...]:
        """Levels m that it can run at, rising."""
        return self.network.served


def read_build(folder: Path) -> Build:
    """The records of the build in `folder`.

    Raises:
        OptionError: no such folder, or no build.
        FileFormatError: the network or another record is damaged or edited into nonsense.
    """
    if not (folder / storage.NETWORK_FILE).is_file():
        raise OptionError(f"{folder}: holds no {storage.NETWORK_FILE}; name a folder that 'rebnet compile' made")
    network = storage.load(folder)
    if any(layer.gains is None for layer in network.dense):
        raise OptionError(f"{folder}: holds an exported network, no build; name a folder that 'rebnet compile' made")
    records: dict[str, Record] = {}
    unused: dict[str, str] = {}
    for file in _FILES:
        if not (folder / file).is_file():
            continue
        try:
            records[file] = read(folder / file)
        except SchemaError:
            schema = _schema(folder / file)
            unused[file] = f"is there, but of schema version {schema}, and this rebnet reads version {SCHEMA}"
    files = [*SOURCES.values(), *_FILES]
    hashes = {file: file_hash(folder / file) for file in dict.fromkeys(files) if (folder / file).is_file()}
    links = _links(folder, records, hashes)
    for file, reason in _stale(links).items():
        if file in records:
            del records[file]
            unused[file] = reason
    accelerator = read_accelerator(folder / FOLDING_FILE, network) if FOLDING_FILE in records else None
    return Build(str(folder), folder, network, accelerator, _gammas(folder), records, unused, links, hashes)


def _schema(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8")).get("schema")


def _links(folder: Path, records: Mapping[str, Record], hashes: Mapping[str, str]) -> tuple[Link, ...]:
    """The hashes of all records whose sources are files of a build."""
    held = dict(records)
    for file in ("network.json", "ports.json"):
        if (folder / file).is_file():
            held[file] = read(folder / file)
    links = []
    for file, record in held.items():
        for key, value in record.get("inputs", {}).items():
            source = SOURCES.get(key, "")
            if source in hashes:
                links.append(Link(file, source, value == hashes[source]))
    return tuple(links)


def _stale(links: Sequence[Link]) -> dict[str, str]:
    """The records that are of something else than the build is, and why, those made from stale files among them."""
    found: dict[str, str] = {}
    for _ in SOURCES:  # a chain is no longer than this
        for link in links:
            if link.record in found:
                continue
            if not link.whole:
                found[link.record] = f"is there, but was made from another {link.source} than this build holds"
            elif link.source in found:
                found[link.record] = f"is there, but was made from a {link.source} that is of another build itself"
    return found


def _gammas(folder: Path) -> tuple[tuple[tuple[float, ...], ...], ...]:
    exported = folder / "exported"
    if not (exported / storage.NETWORK_FILE).is_file():
        return ()
    network = storage.load(exported)
    signs = [op for op in network.ops if isinstance(op, ResidualSign)]
    return tuple(tuple(sign.factors(m) for m in range(1, network.levels + 1)) for sign in signs)
