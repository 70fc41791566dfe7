"""The engine on networks with branches beside onnxruntime in single precision, in one run.

    python benchmarks/cpu_branches.py [--network resnet-20] [--levels 1 --levels 2] [--threads 1 --threads 2]

onnxruntime runs the same function as a float graph, whose labels must be the engine's, and a ReLU network of the same
shape. Networks have random weights and BatchNorms that fit random images: no time depends on them. All take turns; a
figure is the median of the rounds, of a batch of 16 images. --cpu-time counts what a busy core gave, with one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from cpu_peers.onnx_branches import onnx_branches
from rebnet.engine.predictor import Predictor, instruction_sets
from rebnet.export import export
from rebnet.ir.network import Network
from rebnet.lower import lower
from rebnet.nn.build import build
from rebnet.nn.networks import architecture

BATCH = 16


def drawn(text: str, levels: int) -> Network:
    """A lowered network with random weights."""
    torch.manual_seed(levels)
    described = architecture(text)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *described.image), dtype=np.uint8)
    return lower(export(build(described, levels).eval(), text, images=images))


def session(model: Any, threads: int, images: NDArray[np.float32]) -> Callable[[], Any]:
    """A call of onnxruntime with images bound beforehand."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    made = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    value = onnxruntime.OrtValue.ortvalue_from_numpy(images)

    def call() -> Any:
        return made.run_with_ort_values(None, {"input": value})[0].numpy()

    return call


def contestants(text: str, levels: list[int], threads: int) -> dict[str, Callable[[], Any]]:
    """Calls by name, each of one batch; raises `SystemExit` where labels differ."""
    found: dict[str, Callable[[], Any]] = {}
    for m in levels:
        network = drawn(text, m)
        image = network.input
        shape = (BATCH, image.height, image.width, image.channels)
        images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        arranged = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
        for name in [name for name in instruction_sets() if name not in ("generic", "numpy")]:
            found[f"rebnet {name}, M={m}"] = partial(Predictor(network, threads, name).predict, images)
        call = session(onnx_branches(network, BATCH, relu=False), threads, 2 * arranged - 255)
        if not np.array_equal(call().argmax(axis=1), Predictor(network).labels(images)):
            raise SystemExit(f"{text}, M={m}: onnxruntime's labels are not those of the network")
        found[f"onnxruntime fp32, the same function, M={m}"] = call
    found["onnxruntime fp32, ReLU"] = session(
        onnx_branches(network, BATCH, relu=True), threads, arranged / np.float32(255)
    )
    return found


def seconds(call: Callable[[], Any], least: float, clock: Callable[[], float]) -> float:
    """Of an image."""
    call()
    start, calls = clock(), 0
    while clock() - start < least:
        call()
        calls += 1
    return (clock() - start) / calls / BATCH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="resnet-20", help="a network's name or text, without joins and stacks")
    parser.add_argument("--levels", type=int, action="append", help="M; 1 and 2 if not given")
    parser.add_argument("--threads", type=int, action="append", help="1 and 2 if not given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each in a round")
    parser.add_argument("--cpu-time", action="store_true", help="seconds on the core, with one thread")
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    print(f"{options.network}, {BATCH} images a call, onnxruntime {onnxruntime.__version__}")
    for threads in [1] if options.cpu_time else options.threads or [1, 2]:
        calls = contestants(options.network, options.levels or [1, 2], threads)
        rounds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(options.rounds):
            for name, call in calls.items():
                rounds[name].append(seconds(call, options.seconds, clock))
        print(f"{f'{threads} thread(s)':<45}{'µs/image':>10}{'images/s':>10}")
        for name, times in rounds.items():
            median = statistics.median(times)
            print(f"{name:<45}{1e6 * median:10.1f}{1 / median:10.0f}")


if __name__ == "__main__":
    main()
