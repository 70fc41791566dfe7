"""Threads of Python that share one predictor, beside one call with all their images, in one run; and its memory.

    python benchmarks/cpu_concurrency.py [--network zoo:cifar10-arch-2-m2] [--callers 8] [--batch 16]

In a round, `callers` threads call `predict` with `batch` images each, all at once and `--calls` times in a row; then
one thread calls it as often with all of these images together. Who begins changes from round to round. What is printed
is the median over the rounds of the images a second of the first over those of the second. Memory is what the process
grows by where a predictor is made, and where all callers have called it.
"""

import argparse
import os
import resource
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import rebnet


def resident_kib() -> int:
    """What the process holds in memory now, KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="zoo:cifar10-arch-2-m2", help="a build, or zoo:NAME")
    parser.add_argument("--instruction-set", help="the fastest here if not given")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the predictor")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16, help="images of a call")
    parser.add_argument("--calls", type=int, default=4, help="calls of a caller in a round")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    first = rebnet.load(options.network, threads=1)  # what importing takes is not the predictor's
    before = resident_kib()
    predictor = rebnet.load(options.network, options.threads, options.instruction_set)
    made = resident_kib()
    image = predictor.network.input
    shape = (options.callers * options.batch, image.height, image.width, image.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    parts = np.split(images, options.callers)
    wanted = predictor.predict(images)
    start = threading.Barrier(options.callers)

    def call(place: int) -> bool:
        start.wait()
        return all(
            np.array_equal(predictor.predict(parts[place]), wanted[place * options.batch : (place + 1) * options.batch])
            for _ in range(options.calls)
        )

    def at_once(pool: ThreadPoolExecutor) -> float:
        begun = time.perf_counter()
        assert all(pool.map(call, range(options.callers)))
        return time.perf_counter() - begun

    def together() -> float:
        begun = time.perf_counter()
        for _ in range(options.calls):
            assert np.array_equal(predictor.predict(images), wanted)
        return time.perf_counter() - begun

    ratios = []
    with ThreadPoolExecutor(options.callers) as pool:
        at_once(pool)
        called = resident_kib()
        for number in range(options.rounds):
            if number % 2:
                one, many = together(), at_once(pool)
            else:
                many, one = at_once(pool), together()
            ratios.append(one / many)
    print(
        f"{predictor}\n{options.callers} callers of {options.batch} images over one of {len(images)}: "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})\n"
        f"memory: {made - before:,} KiB for a predictor, {called - made:,} KiB more "
        f"behind {options.callers} callers at once"
    )
    del first


if __name__ == "__main__":
    main()
