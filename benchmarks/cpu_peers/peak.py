"""The machine's peak, in 10^9 operations a second: a multiplication and an addition are two.

Two kinds. `kernels`: `peak.cpp`, loops over registers alone, which nothing can beat; needs g++ on x86-64. `torch`:
products of square matrices, the most a library reaches here.

    python -m cpu_peers.peak SECONDS CORE...     prints what torch reaches, as JSON
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).with_name("peak.cpp")
SIZE = 2048  # of the matrices

Rates = dict[str, float | str]


def kernels(cores: tuple[int, ...], seconds: float) -> Rates:
    """What loops over registers reach on these cores."""
    with tempfile.TemporaryDirectory() as place:
        program = str(Path(place) / "peak")
        command = ["g++", "-O2", "-std=c++17", "-march=native", "-pthread", str(SOURCE), "-o", program]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            numbers = [program, str(seconds), *map(str, cores)]
            lines = subprocess.run(numbers, check=True, capture_output=True, text=True).stdout.splitlines()
        except FileNotFoundError:
            return {"failed": "there is no g++ here"}
        except subprocess.CalledProcessError as error:
            reasons = [line for line in error.stderr.splitlines() if "error" in line]
            return {"failed": (reasons or [str(error)])[0]}
    rates = {name: float(rate) for name, rate in (line.split() for line in lines)}
    return {name: round(rate / 1e9, 1) for name, rate in rates.items() if rate > 0}


def torch_products(cores: tuple[int, ...], seconds: float) -> Rates:
    """What torch's products of matrices reach; in this process, whose threads it changes."""
    import torch

    os.sched_setaffinity(0, cores)
    torch.set_num_threads(len(cores))
    left, right = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)
    integers = [(127 * matrix).to(torch.int8) for matrix in (left, right)]
    brains = [matrix.to(torch.bfloat16) for matrix in (left, right)]
    products: dict[str, Callable[[], object]] = {
        "int8": lambda: torch._int_mm(*integers),
        "bf16": lambda: brains[0] @ brains[1],
        "fp32": lambda: left @ right,
    }
    rates: Rates = {}
    for name, product in products.items():
        try:
            product()
            rates[name] = round(2 * SIZE**3 / _seconds(product, seconds) / 1e9, 1)
        except RuntimeError as error:
            rates[name] = str(error).splitlines()[0]
    return rates


def _seconds(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest of the calls that fit."""
    end = time.perf_counter() + seconds
    best = float("inf")
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    seconds, *cores = sys.argv[1:]
    try:
        print(json.dumps(torch_products(tuple(map(int, cores)), float(seconds))))
    except ModuleNotFoundError as error:
        print(json.dumps({"failed": f"not installed: {error.name}"}))


if __name__ == "__main__":
    main()
