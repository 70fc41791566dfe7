"""Which records of a folder belong to each other: what each was made from, by the SHA-256 of these files.

A chain proves that records and files belong together and are whole: another network's record, a file of an earlier
build, an edited source. It proves no figure: whoever edits a record can compute every hash again. The proof of a figure
is to make it again, with `rebnet evaluate` or `rebnet simulate`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import FileFormatError, SchemaError
from rebnet.files import SCHEMA, file_hash
from rebnet.records import Evaluation, Record, Simulation, read_any

SOURCES = {
    "network": "network.json",
    "exported": "exported/network.json",
    "training": "training.json",
    "import": "import.json",
    "model": "model.safetensors",
    "folding": "folding.json",
    "ports": "ports.json",
    "simulation": "simulation.json",
}
"""The file in the folder that each key of `inputs` is the hash of."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "folding.json": ("network",),
    "ports.json": ("network", "folding"),
    "compile.json": ("network",),
    "evaluation.json": ("network",),
    "adaptive.json": ("network", "folding"),
    "online.json": ("network",),
    "simulation.json": ("ports",),
    "synthesis.json": ("ports",),
}
"""The hashes without which a record is of nobody knows what."""
FIGURES = ("folding.json", "evaluation.json", "adaptive.json", "online.json", "simulation.json", "synthesis.json")
"""Records that hold figures; those of training.json are of the root of the chain."""
_AGAIN = "compile the run again, or put its own file back"


@dataclass(frozen=True)
class Link:
    """One hash in a record: `record` was made from `source`; `whole` says whether the folder still holds that file."""

    record: str
    source: str
    whole: bool


@dataclass(frozen=True)
class Chain:
    """The records of a folder that chain, and why the others are not believed.

    Attributes:
        records: those that can be used, by file.
        unused: why another one that is there cannot, by file.
        links: every hash that names a file of the folder.
        hashes: SHA-256 of each record that is there, by file.
    """

    records: Mapping[str, Record]
    unused: Mapping[str, str]
    links: tuple[Link, ...]
    hashes: Mapping[str, str]


def check_origin(folder: Path) -> None:
    """Refuse a folder whose network was made from another training, or a build lowered from another network.

    A hash that is not there says nothing; one that is there must be that of the file beside it.

    Raises:
        FileFormatError: a file is of another run or build than the one it lies with; names both.
    """
    for record, key in _ORIGINS:
        path, source = folder / record, folder / SOURCES[key]
        if not path.is_file() or not source.is_file():
            continue
        told = read_any(path).made_from.get(key)
        if told is not None and told != file_hash(source):
            raise FileFormatError(f"{source}: is not the one that {path} was made from; {_AGAIN}")


_ORIGINS = (
    ("training.json", "model"),
    ("exported/network.json", "training"),
    ("exported/network.json", "import"),
    ("network.json", "training"),  # an exported network with its record, as the zoo has them
    ("network.json", "exported"),
)


def read_chain(folder: Path, files: Iterable[str] = FIGURES) -> Chain:
    """The records of `folder` among `files` and training.json, each held against what it was made from.

    Raises:
        FileFormatError: a record is damaged, or the folder is of two networks; see `check_origin`.
    """
    check_origin(folder)
    _check_told(folder)
    records: dict[str, Record] = {}
    unused: dict[str, str] = {}
    wanted = ("training.json", *files)
    for file in dict.fromkeys((*wanted, "network.json", "ports.json")):
        if not (folder / file).exists():
            continue
        try:
            records[file] = read_any(folder / file)
        except SchemaError as error:
            if file == "network.json":
                raise
            schema = str(error).split("schema version ")[1].split(", this rebnet")[0]
            unused[file] = f"is there, but of schema version {schema}, and this rebnet reads version {SCHEMA}"
    names = [*SOURCES.values(), *wanted]
    hashes = {file: file_hash(folder / file) for file in dict.fromkeys(names) if (folder / file).is_file()}
    links = _links(records, hashes)
    unused |= _untold(records, hashes) | _stale(links)
    unused |= _contradictions({file: record for file, record in records.items() if file not in unused})
    shown = {file: reason for file, reason in unused.items() if file in wanted}
    used = {file: record for file, record in records.items() if file in wanted and file not in unused}
    return Chain(used, shown, links, hashes)


def _check_told(folder: Path) -> None:
    """In a build the exported network must say which training it is of; else any training.json would pass for it."""
    exported, training = folder / SOURCES["exported"], folder / SOURCES["training"]
    if training.is_file() and exported.is_file() and "training" not in read_any(exported).made_from:
        raise FileFormatError(f"{exported}: does not say which training.json it was made from; {_AGAIN}")


def _links(records: Mapping[str, Record], hashes: Mapping[str, str]) -> tuple[Link, ...]:
    links = []
    for file, record in records.items():
        for key, value in record.made_from.items():
            source = SOURCES.get(key, "")
            if source in hashes:
                links.append(Link(file, source, value == hashes[source]))
    return tuple(links)


def _untold(records: Mapping[str, Record], hashes: Mapping[str, str]) -> dict[str, str]:
    """The records that do not say what they were made from, or were made from what is not there."""
    found = {}
    for file, record in records.items():
        for key in NEEDED.get(file, ()):
            if key not in record.made_from:
                found[file] = f"is there, but does not say which {SOURCES[key]} it was made from"
            elif SOURCES[key] not in hashes:
                found[file] = f"is there, but the {SOURCES[key]} that it was made from is not"
    return found


def _stale(links: Iterable[Link]) -> dict[str, str]:
    """The records that are of something else than the folder is, and why, those made from stale files among them."""
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


def _contradictions(records: Mapping[str, Record]) -> dict[str, str]:
    """RTL that gave every score of the integer network on the same images has its accuracy; else one of them lies."""
    evaluation, simulation = records.get("evaluation.json"), records.get("simulation.json")
    if not isinstance(evaluation, Evaluation) or not isinstance(simulation, Simulation) or simulation.mismatches:
        return {}
    images = [record.made_from.get("images") for record in (evaluation, simulation)]
    same = None not in images and images[0] == images[1] and evaluation.images == simulation.images
    if not same or set(simulation.levels) != {evaluation.levels}:
        return {}
    if (evaluation.accuracy, evaluation.error) == (simulation.accuracy, simulation.error):
        return {}
    told = [
        f"{one.accuracy} %" if one.error is None else f"an error of {one.error}" for one in (evaluation, simulation)
    ]
    accuracies = f"{' against '.join(told)} of the same images without a mismatch"
    return {
        "evaluation.json": f"is there, but contradicts simulation.json: {accuracies}",
        "simulation.json": f"is there, but contradicts evaluation.json: {accuracies}",
    }


def read_whole(folder: Path, files: Iterable[str] = FIGURES) -> Mapping[str, Record]:
    """The records of `folder` among `files` and training.json, which must all chain.

    Raises:
        FileFormatError: a record is damaged, or of something else than this folder is; names it and why.
    """
    chain = read_chain(folder, files)
    for file, reason in chain.unused.items():
        raise FileFormatError(f"{folder / file}: {reason}; run the stage that writes it again, or leave the folder out")
    return chain.records
