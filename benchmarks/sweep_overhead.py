"""What a sweep costs beside its work: a study by `rebnet sweep`, and the same calls of `rebnet.flow` in a row.

    .venv/bin/python benchmarks/sweep_overhead.py --points 12 --rounds 3

Both sides are measured in one run, one after the other and each round anew, in processes that have just started: the
sweep with one process on one thread, and a process on one thread that calls train, compile and evaluate once for every
step that the sweep has. So both import torch once, and both do the same work. The overhead is their difference, per
point, in wall time and in processor time, which others on the machine disturb less. `nothing_to_do` is the same sweep
started once more.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

NETWORK = "8x8x1 - D16(8,16) - D10(2,8)"
STUDY = """\
stages = ["train", "compile", "evaluate"]
[axes]
network = "{network}"
dataset = "digits"
epochs = {epochs}
seed = {seeds}
folding = ["paper", "balanced"]
"""
BY_HAND = """\
import sys
import numpy, torch
from threadpoolctl import threadpool_limits
from rebnet import flow
threadpool_limits(1)
torch.set_num_threads(1)
network, epochs, seeds, output = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for seed in range(seeds):
    run = f"{output}/run-{seed}"
    flow.train(network, "digits", 1, run, epochs=epochs, seed=seed, quiet=True)
    for folding in ("paper", "balanced"):
        flow.compile(run, f"{output}/{folding}-{seed}", folding=folding)
    flow.compile(run, f"{output}/lowered-{seed}", until="lower")
    flow.evaluate(f"{output}/lowered-{seed}", "digits")
"""


def seconds_of(command: list[str]) -> tuple[float, float]:
    """Wall and processor time of a command with all that it starts."""
    began, used = time.perf_counter(), processor()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began, processor() - used


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=12, help="two foldings of each training")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    seeds = asked.points // 2
    rows = []
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "study.toml"
            study.write_text(STUDY.format(network=NETWORK, epochs=asked.epochs, seeds=list(range(seeds))))
            output = Path(folder) / "sweep"
            sweep = [sys.executable, "-m", "rebnet", "sweep", str(study), "--output", str(output), "--workers", "1"]
            sweeping = seconds_of([*sweep, "--threads", "1"])
            steps = seconds_of_steps(output)
            again = seconds_of([*sweep, "--threads", "1"])
            by_hand = seconds_of([sys.executable, "-c", BY_HAND, NETWORK, str(asked.epochs), str(seeds), folder])
        row = {"steps": steps}
        for name, (wall, used) in {"sweep": sweeping, "by_hand": by_hand, "nothing_to_do": again}.items():
            row |= {name: wall, f"{name}_processor": used}
        rows.append(row)
    figures = {key: median(row[key] for row in rows) for key in rows[0]}
    for name, more, less in (
        ("overhead", "sweep", "by_hand"),
        ("overhead_processor", "sweep_processor", "by_hand_processor"),
        ("outside_of_steps", "sweep", "steps"),
    ):
        figures[f"{name}_ms_per_point"] = 1000 * median(row[more] - row[less] for row in rows) / (2 * seeds)
    shown = {key: round(value, 2) for key, value in figures.items()}
    print(json.dumps({"points": 2 * seeds, "rounds": asked.rounds, "machine": platform.machine(), **shown}, indent=2))


def seconds_of_steps(output: Path) -> float:
    return float(json.loads((output / "sweep.json").read_text())["work_seconds"])


if __name__ == "__main__":
    main()
