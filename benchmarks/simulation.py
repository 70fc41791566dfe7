"""Simulated cycles per second of Arch-1 at M=3 with the 8-lane first layer, and the whole test set's wall time.

    python benchmarks/simulation.py --data-dir DIR

Measured in one run on this machine: one process against one per core, and both against real time at 200 MHz.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rebnet import flow
from rebnet.generate.rtl import generated
from rebnet.simulate.build import build_simulator
from rebnet.simulate.cache import default_folder

CLOCK_HZ = 200e6


def measure(build: Path, data_dir: Path | None, processes: int) -> tuple[int, float, int]:
    """Images, wall seconds and simulated cycles per second of each process."""
    start = time.perf_counter()
    simulation = flow.simulate(build, "mnist", data_dir=data_dir, processes=processes)
    seconds = time.perf_counter() - start
    assert simulation.mismatches == 0
    return simulation.record["images"], seconds, simulation.record["simulated_cycles_per_second"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=None)
    data_dir = parser.parse_args().data_dir
    with TemporaryDirectory() as place:
        build = Path(place) / "build"
        flow.compile("zoo:mnist-arch-1-m3", build)
        start = time.perf_counter()
        made = generated(build)
        build_simulator(default_folder(), made.sources, made.ports.top)
        print(f"building the simulator            {time.perf_counter() - start:10.1f} s")
        walls = {}
        for processes in (1, os.cpu_count() or 1):
            images, walls[processes], rate = measure(build, data_dir, processes)
            print(f"{processes} process(es): cycles/s per process {rate:10,d}")
            print(f"{processes} process(es): {images} images           {walls[processes]:10.1f} s wall")
            print(f"{processes} process(es): slower than 200 MHz  {CLOCK_HZ / (rate * processes):10.0f} x")
        slow, fast = max(walls.values()), min(walls.values())
        print(f"ratio, one process to all cores   {slow / fast:10.2f} x")


if __name__ == "__main__":
    main()
