"""The search of a folding for a board: what it finds and how long it takes, here and in another checkout in one run.

    python benchmarks/fold_search.py [OTHER_CHECKOUT] [--rounds 3] [--case resnet]

Arch-2 at 8,192 cycles per image, its fastest, and the FIFOs of Arch-3 at the paper's folding; resnet-20 at M = 2, with
random weights, as fast as a ZC702 takes it, and resnet-18 at 33,333 cycles on a KC705. FIFOs are sized each time. Each
tree has a process of its own for each; they take turns, and who begins changes. What is printed is the processor time,
the median over the rounds, and of two trees that of one over the other's and whether what they found is the same; then
what was found here.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CASES = {
    "arch-2 on xc7z020 at 8,192 cycles": "request=Request('xc7z020', target_fps=24414, clock_mhz=200)",
    "arch-2 on xc7z020, fastest": "request=Request('xc7z020')",
    "arch-3 at the paper's folding": "folding='paper'",
    "resnet-20 on zc702, fastest": "request=Request('zc702')",
    "resnet-18 on kc705 at 33,333 cycles": "request=Request('kc705', target_fps=6000)",
}
WORKER = """
import json, sys, time
from pathlib import Path
from rebnet.fold import fold
from rebnet.fold.{asker} as Request
build = Path(sys.argv[1])
start = time.process_time()
fold(build, {asked})
print(time.process_time() - start)
record = json.loads((build / "folding.json").read_text())
print(json.dumps({{key: value for key, value in record.items() if key != "inputs"}}))
"""
NETWORK = """
import sys
from pathlib import Path
from rebnet import flow, zoo
from rebnet.ir import storage
from rebnet.lower import lower
sys.path.insert(0, sys.argv[2] + "/tests")
from rebnet.nn.networks.arch_3 import TEXT
from ir.networks import from_text
import numpy, torch
from rebnet.export import export
from rebnet.nn.build import build as module
from rebnet.nn.networks import architecture
build = Path(sys.argv[1])
for name in ("resnet-20", "resnet-18"):
    torch.manual_seed(2)
    described = architecture(name)
    images = numpy.random.default_rng(0).integers(0, 256, (4, *described.image), dtype=numpy.uint8)
    storage.save(lower(export(module(described, 2).eval(), name, images=images)), build / name)
storage.save(lower(storage.load(zoo.folder("cifar10-arch-2-m1"))), build / "arch-2")
storage.save(lower(from_text(TEXT, levels=1, bits=8)), build / "arch-3")
"""


def run(tree: Path, script: str, *arguments: str) -> str:
    """What a script prints with a tree's package."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", help="another checkout of the project")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", default="", help="only the cases whose name begins so")
    options = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    trees = (here,) if options.other is None else (here, options.other.resolve())
    with TemporaryDirectory() as place:
        run(here, NETWORK, place, str(here))
        for case, asked in CASES.items():
            if not case.startswith(options.case):
                continue
            times: dict[Path, list[float]] = {tree: [] for tree in trees}
            found: dict[Path, str] = {}
            for number in range(options.rounds):
                for tree in trees if number % 2 else trees[::-1]:
                    rooms = (tree / "src/rebnet/fold/search").is_dir()
                    asker = "search.fit import Constraints" if rooms else "fit import Request"
                    build = str(Path(place) / case.split()[0])
                    seconds, found[tree], *_ = run(tree, WORKER.format(asker=asker, asked=asked), build).splitlines()
                    times[tree].append(float(seconds))
            print(f"{case}: {statistics.median(times[here]):.2f} s here{_beside(trees, times, found)}", flush=True)
            print(f"  {_told(json.loads(found[here]))}", flush=True)


def _beside(trees: tuple[Path, ...], times: dict[Path, list[float]], found: dict[Path, str]) -> str:
    """What the other tree took and found."""
    if len(trees) == 1:
        return ""
    here, there = trees
    pairs = [mine / other for mine, other in zip(times[here], times[there], strict=True)]
    return (
        f", {statistics.median(times[there]):.2f} s there; here / there {statistics.median(pairs):.2f} "
        f"({min(pairs):.2f} to {max(pairs):.2f}); "
        + ("the same folding.json" if found[here] == found[there] else "ANOTHER folding.json: ")
        + ("" if found[here] == found[there] else " ".join(_digest(text) for text in found.values()))
    )


def _told(record: dict[str, Any]) -> str:
    """Cycles per image, what is predicted, and what was proved."""
    text = f"{record['predicted_cycles_per_image']:g} cycles/image"
    if "predicted_resources" in record:
        total = record["predicted_resources"]["total"]
        blocks = total["BRAM_36K"] + total["BRAM_18K"] / 2
        text += f", predicted {total['LUT']} LUT, {total['FF']} FF, {blocks:g} BRAM, {total['DSP']} DSP"
    search = record.get("search")
    return text if search is None else f"{text}; {search['proved']}, gap {search.get('gap')} %"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


if __name__ == "__main__":
    main()
