"""What `rebnet export --to onnx` writes, run by onnxruntime, beside this engine: the same function, in one run.

    python benchmarks/cpu_exported.py [--network zoo:cifar10-arch-2-m2 ...] [--batch 1 --batch 128] [--threads 1]

Scores are compared first, with ==. Then both take turns, and who begins changes from round to round; a figure is the
median of the rounds' µs per image, and the ratio the median of the rounds' own, onnxruntime over each instruction set.
--cpu-time counts what a busy core gave, with one thread.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from rebnet import flow, load
from rebnet.engine.predictor import instruction_sets

NETWORKS = [f"zoo:{name}-m{levels}" for name in ("mnist-arch-1", "cifar10-arch-2") for levels in (1, 2, 3)]


def session(file: Path, threads: int) -> Callable[[NDArray[np.float32]], Any]:
    """A call of onnxruntime with images as the file takes them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    made = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda images: made.run(None, {"image": images})[0]


def seconds(call: Callable[[], Any], images: int, least: float, clock: Callable[[], float]) -> float:
    """Of an image."""
    start, calls = clock(), 0
    while clock() - start < least:
        call()
        calls += 1
    return (clock() - start) / calls / images


def measure(source: str, batch: int, threads: int, options: argparse.Namespace) -> None:
    """Print a network's figures; raises `SystemExit` where scores differ."""
    clock = time.process_time if options.cpu_time else time.perf_counter
    names = options.instruction_set or [name for name in instruction_sets() if name not in ("generic", "numpy")]
    predictors = {name: load(source, threads, name) for name in names}
    image = next(iter(predictors.values())).network.input
    shape = (batch, image.height, image.width, image.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    arranged = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "network.onnx"
        flow.export(source, file, to="onnx")
        theirs = session(file, threads)
    wanted = theirs(arranged)
    for name, predictor in predictors.items():
        if not np.array_equal(predictor.predict(images), wanted):
            raise SystemExit(f"{source}: the scores of {name} are not onnxruntime's")
    calls: dict[str, Callable[[], Any]] = {"onnxruntime": lambda: theirs(arranged)}
    calls |= {name: lambda predictor=predictor: predictor.predict(images) for name, predictor in predictors.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(options.rounds):
        for name in list(calls) if number % 2 else reversed(calls):
            found[name].append(seconds(calls[name], batch, options.seconds, clock))
    print(f"{source}, {batch} image(s) a call, {threads} thread(s)")
    for name, times in found.items():
        ratio = statistics.median(there / here for there, here in zip(found["onnxruntime"], times, strict=True))
        print(f"  {name:<14}{1e6 * statistics.median(times):10.1f} µs{ratio:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help="a build, a run or zoo:NAME; six of the zoo if not given")
    parser.add_argument("--batch", type=int, action="append", help="images of a call; 1 and 128 if not given")
    parser.add_argument("--threads", type=int, action="append", help="1 if not given")
    parser.add_argument("--instruction-set", action="append", help="all that are here, if not given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each in a round")
    parser.add_argument("--cpu-time", action="store_true", help="seconds on the core, with one thread")
    options = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}: its time over each is the ratio")
    for source in options.network or NETWORKS:
        for threads in [1] if options.cpu_time else options.threads or [1]:
            for batch in options.batch or [1, 128]:
                measure(source, batch, threads, options)


if __name__ == "__main__":
    main()
