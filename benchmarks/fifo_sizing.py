"""FIFO depths from the cycle model against FIFO depths from RTL simulation, Arch-2 on CIFAR-10.

    python benchmarks/fifo_sizing.py --data-dir DIR [--levels M]

Measured in one run on this machine: the model sizes every FIFO, and counts how many sets of depths it judged on the
way; the RTL simulation of one set of depths, latency and three images, is what each of these would have cost instead.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rebnet import flow
from rebnet.fold.timing.depths import size_fifos
from rebnet.fold.timing.pace import Pace
from rebnet.fold.timing.process import Edge, Process
from rebnet.ir import storage
from rebnet.stages.folding import read_accelerator

IMAGES = 3


def sized(build: Path) -> tuple[float, int, int]:
    """Seconds that the model takes to size all FIFOs, how many those are, and how many sets of depths it judged."""
    accelerator = read_accelerator(build / "folding.json", storage.load(build))
    judged = 0
    cut = Pace.cut

    def counted(pace: Pace, process: Process, number: int, edge: Edge) -> bool:
        nonlocal judged
        judged += 1
        return cut(pace, process, number, edge)

    Pace.cut = counted  # type: ignore[method-assign, assignment]
    start = time.perf_counter()
    depths = size_fifos(accelerator)
    seconds = time.perf_counter() - start
    Pace.cut = cut  # type: ignore[method-assign]
    return seconds, len(depths), judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--levels", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        build = Path(place) / "build"
        flow.compile(f"zoo:cifar10-arch-2-m{options.levels}", build, folding="paper")
        model, fifos, judged = sized(build)
        start = time.perf_counter()
        simulation = flow.simulate(build, "cifar10", data_dir=options.data_dir, images=IMAGES, processes=1)
        first = time.perf_counter() - start
        start = time.perf_counter()
        flow.simulate(build, "cifar10", data_dir=options.data_dir, images=IMAGES, processes=1)
        again = time.perf_counter() - start
        assert simulation.mismatches == 0
        print(f"model: {fifos} FIFOs, {judged} sets of depths judged {model:10.2f} s")
        print(f"RTL: building and simulating one set of depths {first:10.2f} s, simulating alone {again:.2f} s")
        print(f"ratio, per set of depths                       {first / (model / judged):10.0f} x")
        print(f"ratio without building the simulator           {again / (model / judged):10.0f} x")


if __name__ == "__main__":
    main()
