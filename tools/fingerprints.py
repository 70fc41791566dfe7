"""Hashes of all that a build holds, for every network of the zoo and for random ones: a refactor proves itself.

    python tools/fingerprints.py            compare with tests/golden/fingerprints.json, exit 1 where something moved
    python tools/fingerprints.py --write    take what is made now; the commit says why it moved

A line a network, an artefact and its SHA-256 (16 digits): network.json, folding.json, ports.json, rtl/, mem/ and c/.
Records begin with hashes of the files that they were made from, which are left out here: one change, one line.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "fingerprints.json"
SEED, RANDOM = 19, 60

sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from networks.draw import draw_accelerator, draw_conv_network, draw_network, write_folding  # noqa: E402
from rebnet import flow, zoo  # noqa: E402
from rebnet.generate import generate  # noqa: E402
from rebnet.ir import storage  # noqa: E402


def fingerprints() -> dict[str, dict[str, str]]:
    """The hashes by network and artefact."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for name, build in _builds(Path(place)):
            found[name] = _of(build)
            print(f"{name}: {len(found[name])} artefacts", file=sys.stderr)
    return found


def _builds(place: Path) -> Iterator[tuple[str, Path]]:
    for name in zoo.NAMES:
        flow.compile(zoo.PREFIX + name, place / name)
        yield name, place / name
    rng = np.random.default_rng(SEED)
    for number in range(RANDOM):
        network = (draw_network, draw_conv_network)[number % 2](rng, number)
        accelerator, depths = draw_accelerator(rng, network)
        build = place / network.name
        storage.save(network, build)
        write_folding(build, network, accelerator, depths)
        generate(build)
        yield network.name, build


def _of(build: Path) -> dict[str, str]:
    generate(build, target="c")
    records = {file: _digest(_plain(build / file)) for file in ("network.json", "folding.json", "ports.json")}
    folders = {
        f"{folder}/": _digest(
            *(part for file in sorted((build / folder).iterdir()) for part in (file.name.encode(), file.read_bytes()))
        )
        for folder in ("rtl", "mem", "c")
    }
    return records | folders


def _plain(record: Path) -> bytes:
    held: dict[str, Any] = json.loads(record.read_text())
    held.pop("inputs", None)
    return json.dumps(held).encode()


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def differences(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """What moved, a line each."""
    return [
        f"{name}: {artefact} was {before.get(name, {}).get(artefact)}, is {after.get(name, {}).get(artefact)}"
        for name in sorted(before.keys() | after.keys())
        for artefact in sorted(before.get(name, {}).keys() | after.get(name, {}).keys())
        if before.get(name, {}).get(artefact) != after.get(name, {}).get(artefact)
    ]


def main() -> int:
    """Compare or write; return the exit code."""
    parser = argparse.ArgumentParser(description="hashes of what is generated")
    parser.add_argument("--write", action="store_true", help="take what is made now")
    arguments = parser.parse_args()
    found = fingerprints()
    if arguments.write:
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    moved = differences(json.loads(GOLDEN.read_text()), found)
    print("\n".join(moved) or f"{len(found)} networks: nothing moved")
    return int(bool(moved))


if __name__ == "__main__":
    sys.exit(main())
