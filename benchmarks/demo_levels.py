"""What a level is worth on the embedded digits: the table behind the choice of the demo's network.

    python benchmarks/demo_levels.py [--seeds 5] [--input-bits 8] [--record FILE] [TEXT...]

Trains each network text with M = 1, 2, 3 levels and several seeds, as `rebnet demo` does, and prints the mean and the
spread over the seeds of the accuracy on validation images, by which the network was chosen, and on test images.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from time import monotonic

from rebnet import flow
from rebnet.flow.whole import DEMO_NETWORK

LEVELS = (1, 2, 3)
KEYS = ("validation_accuracy", "test_accuracy")


def measure(text: str, seed: int, input_bits: int) -> list[dict[str, object]]:
    """A training a level count, each from the network of one level less; accuracies in percent and seconds of each."""
    found: list[dict[str, object]] = []
    start: Path | None = None
    with tempfile.TemporaryDirectory() as place:
        for levels in LEVELS:
            run, started = Path(place) / f"m{levels}", monotonic()
            record = flow.train(text, "digits", levels, run, seed=seed, start=start, input_bits=input_bits, quiet=True)
            start, seconds = run, round(monotonic() - started, 1)
            kept = {key: record[key] for key in KEYS}
            what = {"network": text, "input_bits": input_bits, "levels": levels, "seed": seed}
            found.append({**what, **kept, "seconds": seconds})
    return found


def row(runs: list[dict[str, object]]) -> str:
    """A line of the table: mean and standard deviation over the seeds."""
    cells = []
    for key in KEYS:
        values = [float(str(run[key])) for run in runs]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        cells.append(f"{statistics.fmean(values):.2f} ± {spread:.2f}")
    return f"| {runs[0]['levels']} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", default=[DEMO_NETWORK], metavar="TEXT")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--input-bits", type=int, default=8)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    every = []
    for text in options.texts:
        print(f"{text}, {options.input_bits} bits a pixel, {options.seeds} seeds")
        print("| M | validation % | test % |\n|---|---|---|")
        runs = [run for seed in range(options.seeds) for run in measure(text, seed, options.input_bits)]
        for levels in LEVELS:
            print(row([run for run in runs if run["levels"] == levels]), flush=True)
        every += runs
    if options.record is not None:
        options.record.write_text(json.dumps(every, indent=2) + "\n")


if __name__ == "__main__":
    main()
