"""Time of a training step in this tree against another checkout of the project, in one run.

    python benchmarks/training_step_against.py OTHER_CHECKOUT [--network arch-2] [--levels 1 2 3] [--rounds 15]

Each tree has a process of its own for every number of levels, with the step compiled as `rebnet train` compiles it on
100 synthetic images in the shape of CIFAR-10. The processes take turns, a few steps each, and who begins changes from
round to round; what is printed is the median over the rounds of one tree's time over the other's.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

WORKER = """
import sys, time, warnings
import torch
from training_step import CLASSES, Images, ours
torch.manual_seed(0)
pixels = torch.randint(0, 256, (100, 32, 32, 3), dtype=torch.uint8)
contestant = ours(int(sys.argv[1]), Images(pixels, torch.randint(0, CLASSES, (100,))), True, sys.argv[2])
warnings.simplefilter("ignore")
for _ in range(3):
    contestant.step()
print(contestant.way, flush=True)
for line in sys.stdin:
    contestant.step()
    start = time.perf_counter()
    for _ in range(int(line)):
        contestant.step()
    print((time.perf_counter() - start) / int(line), flush=True)
"""


class Worker:
    """A tree's process for one number of levels."""

    def __init__(self, tree: Path, network: str, levels: int) -> None:
        paths = os.pathsep.join(str(tree / folder) for folder in ("src", "benchmarks"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(levels), network],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self.way = self.read()

    def read(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        if not said:
            raise RuntimeError("a worker ended; see what it printed")
        return said

    def timed(self, steps: int) -> float:
        """Seconds a step."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.read())

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="another checkout of the project")
    parser.add_argument("--network", default="arch-2", help="name or text, of images of 32 x 32 x 3 and 10 classes")
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=5, help="steps of a tree in a round")
    options = parser.parse_args()
    for levels in options.levels:
        trees = (Path(__file__).resolve().parents[1], options.other.resolve())
        here, there = (Worker(tree, options.network, levels) for tree in trees)
        times: dict[str, list[float]] = {"here": [], "there": []}
        for number in range(options.rounds):
            turns = [("here", here), ("there", there)]
            for name, worker in turns if number % 2 else turns[::-1]:
                times[name].append(worker.timed(options.steps))
        pairs = [mine / other for mine, other in zip(times["here"], times["there"], strict=True)]
        mine, other = (1e3 * statistics.median(times[name]) for name in ("here", "there"))
        print(
            f"M={levels}: {mine:.1f} ms here ({here.way}), {other:.1f} ms there ({there.way}); "
            f"here / there {statistics.median(pairs):.3f} (rounds {min(pairs):.3f} to {max(pairs):.3f})",
            flush=True,
        )
        here.end()
        there.end()


if __name__ == "__main__":
    main()
