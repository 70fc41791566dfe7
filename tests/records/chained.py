"""Records that tests edit, tied to each other again as the stages would have written them."""

import json
from pathlib import Path
from typing import Any

from rebnet.files import file_hash, write_record
from rebnet.records.chain import NEEDED, SOURCES

_ORDER = {"exported/network.json": ("training",), "network.json": ("exported",), **NEEDED}


def rechain(folder: Path) -> Path:
    """Write the hashes of what lies in `folder` into all of its records, each behind those it was made from."""
    for file, keys in _ORDER.items():
        path = folder / file
        if not path.is_file():
            continue
        record = json.loads(path.read_text())
        record.setdefault("inputs", {})
        record["inputs"] |= {key: file_hash(folder / SOURCES[key]) for key in keys if (folder / SOURCES[key]).is_file()}
        record.pop("schema")
        write_record(path, record)
    return folder


def put(path: Path, record: dict[str, Any]) -> None:
    """Write a record into a folder of a build that nobody compiled, beside stand-ins for what it was made from."""
    write_record(path, record)
    for file in ("network.json", "ports.json"):
        if not (path.parent / file).is_file():
            write_record(path.parent / file, STANDINS[file])
    rechain(path.parent)


_NETWORK = {
    "name": "stand-in", "levels": 2, "served": [1, 2], "threshold_bits": 24,
    "input": {"height": 28, "width": 28, "channels": 1, "bits": 8}, "ops": [{"op": "Dense"}], "tensors_sha256": "0",
}  # fmt: skip
_PORTS = {
    "top": "stand_in", "files": ["rtl/stand_in.sv"], "memories": ["mem/scores.hex"], "inputs": {}, "clock": "aclk",
    "reset": "aresetn", "levels": [1, 2],
    "s_axis": {"tdata_bits": 32, "tuser_bits": 4, "samples_per_beat": 4, "beats_per_image": 196, "image": [28, 28, 1]},
    "m_axis": {"tdata_bits": 40, "tuser_bits": 4, "score_bits": 40, "beats_per_image": 10},
}  # fmt: skip
STANDINS: dict[str, dict[str, Any]] = {"network.json": _NETWORK, "ports.json": _PORTS}
