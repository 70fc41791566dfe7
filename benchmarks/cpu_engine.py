"""rebnet's engine on this processor against what a user would take: OpenVINO, onnxruntime, LiteRT and torch.

    pip install -c constraints.txt -e '.[benchmark]'
    python benchmarks/cpu_engine.py [--output FILE.json] [--quick] [--only arch-2 --only batch=1 --only threads=1]

Measured in one run: the networks of the zoo, Arch-1 on MNIST and Arch-2 on CIFAR-10, at M = 1, 2, 3, with batches of 1
and 128 on one core and on two. Ours is `Predictor.predict`: uint8 images to int64 scores, Python included. Others run

* the same function: sign weights and residual signs as a float graph, which is exact in fp32. Before its time is taken,
  every one must give the labels of the reference engine and its scores up to one rounding; otherwise the run fails.
* ReLU: a network of the same shape with real weights and no BatchNorm left, in fp32, bf16 and int8, calibrated on
  random images. What the libraries are made for.

Each contestant is a process of its own on exactly its cores, with as many threads. Others find their inputs converted
already, to the type and the order that they like. Each runs the fastest of its ways (how a sign is written, who
quantized it, compiled or not, 16 or all images of a batch at a time); a way that fails is recorded with its reason, and
so is a library that is not installed. Then come interleaved rounds, each of which starts with another contestant; a
contestant's figure is the median of its rounds. The processor's peak stands beside it: see `cpu_peers/peak.py`.

--instruction-set avx2: ours by that name, and others told to stay below AVX-512 where a variable of the environment
does (MASKS: oneDNN, MKL and ATen, so OpenVINO and torch; onnxruntime and XNNPACK under LiteRT have none and take what
the processor has). --int8: of others the int8 ReLU networks alone.

`taskset` says which cores may be used. --quick: short rounds, and no long search by torch's compiler. --cpu-time: on
a core that others use too, count what a contestant had of it; caches are still shared, so it is a first look only.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import Any

from cpu_peers import peak
from cpu_peers.contestant import LIBRARIES
from cpu_peers.described import operations
from cpu_peers.goals import GOALS, Cell, Figure, Goal, TimeGoal, ratios
from cpu_peers.job import Job
from cpu_peers.with_rebnet import INSIDE
from rebnet import flow
from rebnet.files import write_record
from rebnet.ir import storage

ZOO = {"arch-1": "mnist-arch-1", "arch-2": "cifar10-arch-2"}
LEVELS = (1, 2, 3)
BATCHES = (1, 128)
THREADS = (1, 2)
FUNCTION = tuple((library, "fp32") for library in LIBRARIES if library != "rebnet")
RELU = (
    ("OpenVINO", "fp32"),
    ("OpenVINO", "bf16"),
    ("OpenVINO", "int8"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("LiteRT", "fp32"),
    ("LiteRT", "int8"),
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("torch", "int8"),
)

MASKS = {
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
}


@dataclass
class Contestant:
    """A job in its process, the way it runs, and its µs an image in each round; or why it does not run."""

    job: Job
    levels: int | None
    process: subprocess.Popen[str]
    way: str = ""
    tried: dict[str, float | str] = field(default_factory=dict)
    failure: str | None = None
    rounds_us: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Library, precision and network."""
        network = f"M={self.levels}" if self.levels else "ReLU"
        return f"{self.job.library} {self.job.precision}, {network}"

    def ask(self, line: str = "") -> dict[str, Any]:
        """Send a line, if there is one, and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if line:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            return {"failed": f"its process ended with {self.process.wait()}"}
        return dict(json.loads(answer))

    def figure(self) -> Figure | None:
        """What it reached."""
        if not self.rounds_us:
            return None
        job = self.job
        return Figure(job.library, job.precision, job.kind, self.levels, statistics.median(self.rounds_us))


def start(job: Job, levels: int | None, log: Path) -> Contestant:
    """Start a contestant and wait until it is ready, or says why not; raise where it computes another function."""
    environment = {
        **os.environ,
        **MASKS.get(job.instruction_set or "", {}),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": str(job.threads),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    with log.open("a") as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "cpu_peers.contestant", job.text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=environment,
        )
    contestant = Contestant(job, levels, process)
    answer = contestant.ask()
    if "wrong" in answer:
        stop([contestant])
        raise SystemExit(f"{contestant.name}: computes another function: {answer['wrong']}")
    contestant.failure = answer.get("failed")
    contestant.way = answer.get("way", "")
    contestant.tried = answer.get("tried_us_per_image", {})
    return contestant


def stop(contestants: Iterable[Contestant]) -> None:
    """End the processes."""
    for contestant in contestants:
        assert contestant.process.stdin is not None
        contestant.process.stdin.close()
        try:
            contestant.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            contestant.process.kill()
            contestant.process.wait()


def jobs(cell: Cell, builds: dict[int, Path], options: argparse.Namespace) -> list[tuple[Job, int | None]]:
    """Who takes part in a cell, ours first."""
    cores = tuple(sorted(os.sched_getaffinity(0)))[: cell.threads]
    common = (cell.batch, cores, options.quick, options.cpu_time, options.instruction_set)
    chosen: list[tuple[str, str, str, int | None]] = [("rebnet", "integer", "function", m) for m in LEVELS]
    if (cell.network, cell.batch, cell.threads) == ("arch-1", 1, 1):
        chosen.append(("rebnet", INSIDE, "function", 1))
    if not options.int8:
        chosen += [(library, precision, "function", m) for m in LEVELS for library, precision in FUNCTION]
    relu = [way for way in RELU if way[1] == "int8" or not options.int8]
    chosen += [(library, precision, "relu", None) for library, precision in relu]
    return [(Job(library, precision, kind, str(builds[m or 1]), *common), m) for library, precision, kind, m in chosen]


def run_cell(cell: Cell, builds: dict[int, Path], options: argparse.Namespace, log: Path) -> list[Contestant]:
    """Start everyone, one after the other, then take the rounds."""
    contestants: list[Contestant] = []
    try:
        for job, levels in jobs(cell, builds, options):
            contestants.append(start(job, levels, log))
            say = contestants[-1].failure or contestants[-1].way
            print(f"  {contestants[-1].name}: {say}", file=sys.stderr, flush=True)
        running = [contestant for contestant in contestants if contestant.failure is None]
        for number in range(options.rounds):
            first = number % len(running)
            for contestant in running[first:] + running[:first]:
                answer = contestant.ask(str(options.seconds))
                if "us_per_image" in answer:
                    contestant.rounds_us.append(answer["us_per_image"])
                else:
                    contestant.failure = answer["failed"]
            running = [contestant for contestant in running if contestant.failure is None]
    finally:
        stop(contestants)
    return contestants


def rows(contestants: list[Contestant], giga_operations: float) -> list[dict[str, Any]]:
    """The record of a cell's contestants."""
    found = []
    for contestant in contestants:
        row: dict[str, Any] = {"name": contestant.name, **asdict(contestant.job), "levels": contestant.levels}
        del row["build"], row["quick"], row["cpu_time"], row["instruction_set"]
        figure = contestant.figure()
        if figure is None:
            row["failed"] = contestant.failure
        else:
            row |= {
                "way": contestant.way,
                "us_per_image": round(figure.us, 4),
                "images_per_second": round(1e6 / figure.us, 1),
                "giga_operations_per_second": round(1e6 * giga_operations / figure.us, 1),
                "rounds_us_per_image": [round(value, 4) for value in contestant.rounds_us],
                "tried_us_per_image": contestant.tried,
            }
        found.append(row)
    return found


def print_cell(cell: Cell, found: list[dict[str, Any]], compared: list[dict[str, Any]]) -> None:
    """A cell's tables."""
    print(f"\n{cell.title}\n{'':<42}{'µs/image':>12}{'images/s':>13}{'Gop/s':>9}")
    for row in found:
        if "failed" in row:
            print(f"{row['name']:<42}  {row['failed']}")
            continue
        figures = f"{row['us_per_image']:12.3f}{row['images_per_second']:13.0f}{row['giga_operations_per_second']:9.0f}"
        print(f"{row['name']:<42}{figures}  {row['way']}")
    print("times as fast as")
    for ratio in compared:
        print(f"  M={ratio['levels']}: {ratio['ratio']:8.2f} x {ratio['against']}: {ratio['peer']}", flush=True)


def print_goals(goals: list[dict[str, Any]]) -> None:
    """Which goals are met."""
    print("\ngoals")
    for goal in goals:
        said = goal["reached"] if goal["reached"] is not None else "not measured"
        met = {None: "", True: "met", False: "missed"}[goal["met"]]
        print(f"  {goal['name']:<64} {goal['goal']:>16}: {said:>12} {met}")


def judged(goals: Iterable[Goal | TimeGoal], figures: dict[Cell, list[Figure]]) -> list[dict[str, Any]]:
    """Every goal whose cell was asked for, and whether it is met."""
    return [goal.judge(figures[goal.cell]) for goal in goals if goal.cell in figures]


def versions() -> dict[str, str]:
    """Of what is installed."""
    found = {}
    for name in sorted({package for _, packages in LIBRARIES.values() for package in packages}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine_peak(threads: int, quick: bool) -> dict[str, Any]:
    """The peak on the first cores, and what torch reaches of it."""
    cores = tuple(sorted(os.sched_getaffinity(0)))[:threads]
    seconds = 0.2 if quick else 1.0
    command = [sys.executable, "-m", "cpu_peers.peak", str(seconds), *map(str, cores)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    products = json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr.strip().splitlines()[-1]}
    return {"threads": threads, "kernels": peak.kernels(cores, seconds), "torch": products}


def wanted(only: list[str]) -> list[Cell]:
    """The cells that `--only` leaves."""
    groups: dict[str, set[str]] = {"network": set(), "batch": set(), "threads": set()}
    for text in only:
        key, _, value = text.rpartition("=")
        groups[key or "network"].add(value)
    cells = [Cell(*chosen) for chosen in product(ZOO, BATCHES, THREADS)]
    return [cell for cell in cells if all(not v or str(getattr(cell, k)) in v for k, v in groups.items())]


def selector(text: str) -> str:
    """A value of `--only`, checked."""
    legal = [*ZOO, *(f"batch={batch}" for batch in BATCHES), *(f"threads={threads}" for threads in THREADS)]
    if text not in legal:
        raise argparse.ArgumentTypeError(f"{text!r}: use {', '.join(legal)}")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=selector, action="append", default=[], help="a network, batch=N or threads=N")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.1 s, and no long search of torch")
    parser.add_argument("--cpu-time", action="store_true", help="for a busy core: seconds on it, with one thread only")
    parser.add_argument("--int8", action="store_true", help="of others the int8 ReLU networks alone")
    parser.add_argument("--instruction-set", choices=sorted(MASKS), default=None, help="ours, and a mask for others")
    parser.add_argument("--rounds", type=int, default=None, help="9 if not given")
    parser.add_argument("--seconds", type=float, default=None, help="of a contestant in a round, 0.4 if not given")
    parser.add_argument("--output", type=Path, default=None, help="file of the record, in JSON")
    parser.add_argument("--log", type=Path, default=None, help="file for what the libraries print")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = options.seconds or (0.1 if options.quick else 0.4)
    available = 1 if options.cpu_time else len(os.sched_getaffinity(0))
    cells = [cell for cell in wanted(options.only) if cell.threads <= available]
    skipped = [cell.title for cell in wanted(options.only) if cell.threads > available]
    record: dict[str, Any] = {
        "processor": processor(),
        "cores": sorted(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": versions(),
        "rounds": options.rounds,
        "seconds_per_round": options.seconds,
        "quick": options.quick,
        "instruction_set": options.instruction_set,
        "masks": MASKS.get(options.instruction_set or "", {}),
        "clock": "time on the core" if options.cpu_time else "wall",
        "skipped": skipped,
        "peak_giga_operations_per_second": [
            machine_peak(threads, options.quick) for threads in sorted({cell.threads for cell in cells})
        ],
        "cells": [],
    }
    figures: dict[Cell, list[Figure]] = {}
    with tempfile.TemporaryDirectory() as place:
        log = options.log or Path(place) / "log"
        builds = {(name, m): Path(place) / f"{name}-m{m}" for name in {c.network for c in cells} for m in LEVELS}
        for (name, m), build in builds.items():
            flow.compile(f"zoo:{ZOO[name]}-m{m}", build, until="lower")
        for cell in cells:
            print(cell.title, file=sys.stderr, flush=True)
            own = {m: builds[cell.network, m] for m in LEVELS}
            contestants = run_cell(cell, own, options, log)
            figures[cell] = [figure for contestant in contestants if (figure := contestant.figure()) is not None]
            found = rows(contestants, operations(storage.load(own[1])) / 1e9)
            compared = ratios(figures[cell])
            print_cell(cell, found, compared)
            record["cells"].append({**asdict(cell), "contestants": found, "ratios": compared})
    record["goals"] = judged(GOALS, figures)
    record["load_average_after"] = round(os.getloadavg()[0], 2)
    print_goals(record["goals"])
    for reached in record["peak_giga_operations_per_second"]:
        print(f"peak, {reached['threads']} threads, Gop/s: kernels {reached['kernels']}, torch {reached['torch']}")
    for title in skipped:
        print(f"skipped: {title}: {available} core(s) may be used here")
    if options.output is not None:
        write_record(options.output, record)


if __name__ == "__main__":
    main()
