"""A contestant in a process of its own, on its own cores: it prepares, proves itself, and is then asked for rounds.

    python -m cpu_peers.contestant JOB

One line of JSON comes out for each that comes in, after a first one that says which way it runs. What libraries
print goes to stderr.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpu_peers.described import layer_outputs
from cpu_peers.job import Call, Job, Way, Work

LIBRARIES = {
    "rebnet": ("with_rebnet", ("rebnet",)),
    "OpenVINO": ("with_openvino", ("openvino", "nncf", "onnx")),
    "onnxruntime": ("with_onnxruntime", ("onnxruntime", "onnx")),
    "LiteRT": ("with_litert", ("ai-edge-litert",)),
    "torch": ("with_torch", ("torch", "torchao")),
}
"""A library's file here, and the packages whose versions are recorded."""

TRY_S = 0.1
"""Seconds that a way is tried for, and that each round warms up for."""
TRIES = 3
"""The fastest of so many decides between ways."""
GROUP_S = 2e-3
"""Seconds between two looks at the clock, at least."""
CORRELATION = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.9}
"""How well the outputs of a ReLU network must follow those in numpy, image by image and class by class."""
CHECKED = 16  # images of a ReLU network


class WrongError(Exception):
    """Outputs that are not the network's."""


class Looper:
    """Calls in an endless circle, and how many of them pass between two looks at the clock."""

    def __init__(self, calls: Sequence[Call], cpu_time: bool = False) -> None:
        self._calls = cycle(calls)
        self._clock = time.process_time if cpu_time else time.perf_counter
        self._group = 1
        per_call, _ = self.run(TRY_S)
        self._group = max(1, round(GROUP_S / per_call))

    def run(self, seconds: float) -> tuple[float, int]:
        """Seconds a call, and the calls, over at least so many seconds."""
        done = 0
        start = self._clock()
        while True:
            for call in islice(self._calls, self._group):
                call()
            done += self._group
            elapsed = self._clock() - start
            if elapsed >= seconds:
                return elapsed / done, done


def outputs(calls: Sequence[Call]) -> NDArray[np.float64]:
    """Outputs of all images."""
    found = []
    for call in calls:
        result: Any = call()
        if hasattr(result, "numpy"):
            result = (result.float() if hasattr(result, "float") else result).numpy()
        found.append(np.array(result, dtype=np.float64))
    return np.concatenate(found)


def check(work: Work, calls: Sequence[Call]) -> None:
    """Raise `WrongError` unless the outputs are the network's."""
    if work.job.kind == "function":
        check_function(work, outputs(calls))
        return
    ours = layer_outputs(work.described, work.inputs[:CHECKED])[-1].astype(np.float64)
    need = -(-CHECKED // (len(work.images) // len(calls)))
    theirs = outputs(calls[:need])[:CHECKED]
    ours, theirs = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    found = float((ours * theirs).sum() / np.sqrt((ours**2).sum() * (theirs**2).sum()))
    least = CORRELATION[work.job.precision]
    if not found >= least:
        raise WrongError(f"outputs correlate with the network's by {found:.5f}, less than {least}")


def check_function(work: Work, found: NDArray[np.float64]) -> None:
    """The same labels as the reference engine's, and its scores up to the rounding of the last layer in float32.

    Every number in front of the last layer is an exact integer, so one wrong bit there shows.
    """
    from rebnet.engine import reference

    scores = reference.run(work.network, work.images)
    wrong = int((found.argmax(axis=1) != scores.argmax(axis=1)).sum())
    if wrong:
        raise WrongError(f"{wrong} of {len(scores)} labels are not those of the network")
    last = work.described.layers[-1]
    code = work.described.layers[-2].code
    assert code is not None
    terms = float((np.abs(last.weights).sum(axis=1) * sum(code.gains) + np.abs(last.bias)).max())
    bound = 2.0**-24 * (last.weights.shape[1] + 1) * terms
    error = float(np.abs(found - scores).max())
    if not error <= bound:
        raise WrongError(f"scores differ by {error:.0f}; rounding explains at most {bound:.0f}")


def fastest(work: Work, library: ModuleType) -> tuple[Way, Looper, dict[str, float | str]]:
    """Try every way and keep the fastest that is right.

    A way that cannot run is recorded with its reason, and so is a ReLU network that is computed wrongly; a way that
    computes another function than ours ends everything.
    """
    best: tuple[float, Way, Looper] | None = None
    tried: dict[str, float | str] = {}
    for way in library.ways(work):
        try:
            calls = library.prepare(work, way)
            check(work, calls)
        except Exception as error:  # whatever a library may raise, this way is out
            if isinstance(error, WrongError) and work.job.kind == "function":
                raise
            tried[str(way)] = reason(error)
            continue
        looper = Looper(calls, work.job.cpu_time)
        seconds = min(looper.run(TRY_S)[0] for _ in range(TRIES)) / way.images
        tried[str(way)] = round(1e6 * seconds, 3)
        if best is None or seconds < best[0]:
            best = seconds, way, looper
    if best is None:
        raise RuntimeError("; ".join(f"{way}: {why}" for way, why in tried.items()))
    return best[1], best[2], tried


def reason(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]


def main() -> None:
    job = Job.parse(sys.argv[1])
    os.sched_setaffinity(0, job.cores)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    try:
        library = importlib.import_module(f"cpu_peers.{LIBRARIES[job.library][0]}")
    except ModuleNotFoundError as error:
        answer(failed=f"not installed: {error.name}")
        return
    try:
        way, looper, tried = fastest(Work(job), library)
    except WrongError as error:
        answer(wrong=str(error))
        return
    except Exception as error:
        answer(failed=reason(error))
        return
    answer(way=str(way), tried_us_per_image=tried)
    for line in sys.stdin:
        looper.run(TRY_S)
        per_call, calls = looper.run(float(line))
        answer(us_per_image=1e6 * per_call / way.images, calls=calls)


if __name__ == "__main__":
    main()
