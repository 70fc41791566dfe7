"""The search of a folding for a board in this tree against another checkout of the project, in one run.

    python benchmarks/fold_search.py OTHER_CHECKOUT [--rounds 3]

Arch-2 at 8,192 cycles per image, its fastest, and the FIFOs of Arch-3 at the paper's folding. Each tree has a process
of its own for each; they take turns, and who begins changes. What is printed is the median over the rounds of one
tree's seconds over the other's, and whether what they found is the same.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

CASES = {
    "arch-2 on xc7z020 at 8,192 cycles": "request=Request('xc7z020', target_fps=24414, clock_mhz=200)",
    "arch-2 on xc7z020, fastest": "request=Request('xc7z020')",
    "arch-3 at the paper's folding": "folding='paper'",
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
build = Path(sys.argv[1])
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
    parser.add_argument("other", type=Path, help="another checkout of the project")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    here, there = Path(__file__).resolve().parents[1], options.other.resolve()
    with TemporaryDirectory() as place:
        run(here, NETWORK, place, str(here))
        for case, asked in CASES.items():
            times: dict[Path, list[float]] = {here: [], there: []}
            found: dict[Path, str] = {}
            for number in range(options.rounds):
                for tree in (here, there) if number % 2 else (there, here):
                    rooms = (tree / "src/rebnet/fold/search").is_dir()
                    asker = "search.fit import Constraints" if rooms else "fit import Request"
                    build = str(Path(place) / case[:6])
                    seconds, found[tree], *_ = run(tree, WORKER.format(asker=asker, asked=asked), build).splitlines()
                    times[tree].append(float(seconds))
            pairs = [mine / other for mine, other in zip(times[here], times[there], strict=True)]
            print(
                f"{case}: {statistics.median(times[here]):.2f} s here, {statistics.median(times[there]):.2f} s there; "
                f"here / there {statistics.median(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f}); "
                + ("the same folding.json" if found[here] == found[there] else "ANOTHER folding.json: ")
                + ("" if found[here] == found[there] else " ".join(_digest(text) for text in found.values())),
                flush=True,
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


if __name__ == "__main__":
    main()
