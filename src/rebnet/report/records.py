"""The records of one build, checked; what is not there, stale or of another schema says so and is not used.

A record is stale where the hash of a file that it was made from is not that of the file in the build. A damaged record
is an error.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError, OptionError, SchemaError
from rebnet.files import SCHEMA, file_hash, read_record
from rebnet.ir import storage
from rebnet.ir.ops import Network, ResidualSign
from rebnet.rtl.accelerator import Accelerator
from rebnet.rtl.folding import FOLDING_FILE, read_accelerator

Record = dict[str, Any]
_Kind = type | tuple[type, ...]
_NUMBER = (int, float)
_MAYBE = (int, float, type(None))
RESOURCES = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")
"""Keys of resources, wherever a record holds them."""
SOURCES = {
    "network": "network.json",
    "exported": "exported/network.json",
    "training": "training.json",
    "folding": "folding.json",
    "ports": "ports.json",
    "simulation": "simulation.json",
}
"""The file in the build that each key of `inputs` is the hash of."""


@dataclass(frozen=True)
class _Form:
    """What a record must hold, what it may hold, and the keys of the entries of its lists and objects."""

    keys: Mapping[str, _Kind]
    optional: Mapping[str, _Kind] = field(default_factory=dict)
    entries: Mapping[str, Mapping[str, _Kind]] = field(default_factory=dict)


_POINT: Mapping[str, _Kind] = {
    "thresholds": list,
    "test_accuracy": _NUMBER,
    "test_cycles": _NUMBER,
    "test_answered": list,
}
_FORMS: dict[str, _Form] = {
    "training.json": _Form(
        {"network": str, "dataset": str, "levels": int, "test_accuracy": _NUMBER},
        {
            "any_levels": bool,
            "curve": list,
            "device": str,
            "epochs": int,
            "recipe": dict,
            "seed": int,
            "test_accuracies": list,
            "validation_accuracy": _NUMBER,
        },
        {"curve": {"epoch": int, "validation_accuracy": _NUMBER}, "test_accuracies": {"": _NUMBER}},
    ),
    FOLDING_FILE: _Form(
        {
            "levels": int,
            "layers": list,
            "fifos": list,
            "samples_per_beat": int,
            "bound_cycles": int,
            "predicted_cycles_per_image": _NUMBER,
            "predicted_latency_cycles": int,
            "limiting_fifos": list,
        },
        {"predicted_resources": dict, "search": dict},
        {
            "predicted_resources": {"part": str, "total": dict, "device": dict},
            "fifos": {"name": str, "depth": int, "width_bits": int, "predicted_peak": int},
            "limiting_fifos": {"": str},
        },
    ),
    "evaluation.json": _Form(
        {"dataset": str, "engine": str, "images": int, "levels": int, "accuracy": _NUMBER, "float_accuracy": _NUMBER},
        {"labels_differing": int, "mismatches": int},
    ),
    "adaptive.json": _Form(
        {
            "ladder": list,
            "rungs": list,
            "curve": list,
            "operating_point": dict,
            "max_loss": _NUMBER,
            "test_images": int,
        },
        {},
        {
            "ladder": {"": int},
            "rungs": {"levels": int, "cycles": int, "test_accuracy": _NUMBER},
            "curve": _POINT,
            "operating_point": _POINT,
        },
    ),
    "simulation.json": _Form(
        {
            "dataset": str,
            "images": int,
            "levels": list,
            "stalls": (int, type(None)),
            "mismatches": int,
            "accuracy": _NUMBER,
            "cycles_per_image": _MAYBE,
            "bound_cycles": _NUMBER,
        },
        {"latency_cycles": (int, type(None)), "fifo_peaks": dict, "simulated_cycles_per_second": int},
        {"levels": {"": int}, "fifo_peaks": {"": int}},
    ),
    "synthesis.json": _Form(
        {"part": str, "tool": str, "total": dict, "device": dict},
        {"modules": (list, dict), "fmax_mhz": _MAYBE, "boards_that_fit": list, "board": str},
        {"total": dict.fromkeys(RESOURCES, _NUMBER), "device": dict.fromkeys(RESOURCES, _NUMBER)},
    ),
}


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
    for file, form in _FORMS.items():
        if not (folder / file).is_file():
            continue
        try:
            records[file] = _read(folder / file, form)
        except SchemaError:
            schema = _schema(folder / file)
            unused[file] = f"is there, but of schema version {schema}, and this rebnet reads version {SCHEMA}"
    files = [*SOURCES.values(), *_FORMS]
    hashes = {file: file_hash(folder / file) for file in dict.fromkeys(files) if (folder / file).is_file()}
    links = _links(folder, records, hashes)
    for file, reason in _stale(links).items():
        if file in records:
            del records[file]
            unused[file] = reason
    accelerator = read_accelerator(folder / FOLDING_FILE, network) if FOLDING_FILE in records else None
    return Build(str(folder), folder, network, accelerator, _gammas(folder), records, unused, links, hashes)


def _read(path: Path, form: _Form) -> Record:
    record = read_record(path, form.keys)
    present = {key: kind for key, kind in form.optional.items() if key in record}
    if present:
        read_record(path, present)
    for key, keys in form.entries.items():
        if key in record:
            _check_entries(path, key, record[key], keys)
    for part in ("total", "device"):
        if "predicted_resources" in record:
            values = record["predicted_resources"][part]
            _check_entries(path, f"predicted_resources.{part}", values, dict.fromkeys(RESOURCES, _NUMBER))
    return record


def _schema(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8")).get("schema")


def _check_entries(path: Path, key: str, value: Any, keys: Mapping[str, _Kind]) -> None:
    """Check the entries of a list, or an object's own values; the key "" is the entry itself."""
    if isinstance(value, list):
        named = [(f"{key}[{place}]", entry) for place, entry in enumerate(value)]
    elif "" in keys:
        named = [(f"{key}.{name}", entry) for name, entry in value.items()]
    else:
        named = [(key, value)]
    for name, entry in named:
        for inner, kind in keys.items():
            held = entry if not inner else entry.get(inner) if isinstance(entry, dict) else None
            kinds = kind if isinstance(kind, tuple) else (kind,)
            fine = isinstance(held, kinds) and (bool in kinds or not isinstance(held, bool))
            if not fine or (isinstance(held, float) and not math.isfinite(held)):
                wanted = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
                place = f"{name}.{inner}" if inner else name
                raise FileFormatError(
                    f"{path}: {place} holds {held!r}, it must hold {wanted}; run the stage that writes it again"
                )


def _links(folder: Path, records: Mapping[str, Record], hashes: Mapping[str, str]) -> tuple[Link, ...]:
    """The hashes of all records whose sources are files of a build."""
    held = dict(records)
    for file in ("network.json", "ports.json"):
        if (folder / file).is_file():
            held[file] = read_record(folder / file, {})
    links = []
    for file, record in held.items():
        inputs = record.get("inputs", {})
        if not isinstance(inputs, dict):
            raise FileFormatError(f"{folder / file}: key 'inputs' holds {inputs!r}, it must hold dict")
        for key, value in inputs.items():
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
