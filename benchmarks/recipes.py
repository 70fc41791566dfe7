"""Ablations of a recipe: one thing changed at a time, at equal epochs, judged on the validation images.

    python benchmarks/recipes.py --data-dir DIR --output runs/recipes [--epochs E] [--levels M] [--only NAME ...]

Every variant is one training of Arch-2 on CIFAR-10. Finished ones are not trained again and an interrupted one goes
on where it stopped. At the end, and after each training, a table of all finished ones with the same epochs and levels
is written to OUTPUT/recipes.md and their records to OUTPUT/recipes.json. The test images choose nothing.
benchmarks/ablations holds the records of the tables in docs/concepts/recipes.md.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rebnet import datasets
from rebnet.nn.options import FLOAT_LEVELS
from rebnet.train import RECIPES, Recipe
from rebnet.train import train as train_network

BASE = replace(RECIPES["cifar10"], validation_fraction=0.2, peak_learning_rate=5e-3)
"""The recipe, judged on 10,000 images: on 2,500 a difference of a point may be chance. The peak rate is the one that
it had before these trainings."""


@dataclass(frozen=True)
class Variant:
    """What is different: the recipe, or where the training starts, or who teaches."""

    changes: dict[str, object]
    fewer_levels_first: bool = False
    teacher_levels: int | None = None

    def recipe(self, epochs: int) -> Recipe:
        """The whole recipe; a change of None is worked out from the epochs."""
        changes = {name: epochs // 3 if value is None else value for name, value in self.changes.items()}
        return replace(BASE, epochs=epochs, **changes)  # type: ignore[arg-type]


VARIANTS = {
    "base": Variant({}),
    "peak rate 2e-3": Variant({"peak_learning_rate": 2e-3}),
    "peak rate 1e-2": Variant({"peak_learning_rate": 1e-2}),
    "peak rate 2e-2": Variant({"peak_learning_rate": 2e-2}),
    "start spread 0.3": Variant({"initial_spread": 0.3}),
    "start spread 3": Variant({"initial_spread": 3.0}),
    "latent clip 0.3": Variant({"latent_clip": 0.3}),
    "batch 50": Variant({"batch_size": 50}),
    "estimator clip": Variant({"estimator": "clip"}),
    "estimator ede": Variant({"estimator": "ede"}),
    "gradient paper": Variant({"gradient": "paper"}),
    "squared hinge": Variant({"loss": "squared_hinge"}),
    "label smoothing 0.1": Variant({"label_smoothing": 0.1}),
    "rate of γ x 0.1": Variant({"gamma_rate": 0.1}),
    "crop by 2": Variant({"shift_pixels": 2}),
    "no crop, no flip": Variant({"shift_pixels": 0, "flip": False}),
    "real weights for a third": Variant({"real_weight_epochs": None}),
    "M - 1 levels for half": Variant({}, fewer_levels_first=True),
    "float teacher": Variant({}, teacher_levels=FLOAT_LEVELS),
    "float teacher alone": Variant({"distillation": 1.0}, teacher_levels=FLOAT_LEVELS),
    "teacher of 8 levels": Variant({}, teacher_levels=8),
}


def train(name: str, variant: Variant, options: argparse.Namespace) -> None:
    """Train a variant, and first what it starts or learns from, unless they are finished."""
    start = teacher = None
    epochs = options.epochs
    if variant.fewer_levels_first:
        epochs = options.epochs // 2
        start = _run(f"{name}, first", variant.recipe(options.epochs - epochs), options, options.levels - 1)
    if variant.teacher_levels is not None:
        levels = variant.teacher_levels
        teacher = _run(f"teacher of {levels} levels", BASE, options, levels, epochs=options.epochs)
    _run(name, variant.recipe(epochs), options, options.levels, start=start, teacher=teacher)


def _run(
    name: str,
    recipe: Recipe,
    options: argparse.Namespace,
    levels: int,
    *,
    epochs: int | None = None,
    start: Path | None = None,
    teacher: Path | None = None,
) -> Path:
    run = folder(options.output, name, options)
    if not (run / "training.json").exists():
        print(f"training: {name}", flush=True)
        chosen = recipe if epochs is None else replace(recipe, epochs=epochs)
        images = datasets.load("cifar10", options.data_dir)
        train_network("arch-2", images, levels, run, recipe=chosen, start=start, teacher=teacher, resume=True)
    return run


def folder(output: Path, name: str, options: argparse.Namespace) -> Path:
    """Where a variant's run lies."""
    plain = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in name)
    return Path(output) / f"m{options.levels}-e{options.epochs}" / plain


def table(records: dict[str, dict[str, Any]]) -> str:
    """The variants of `records`, the best first."""
    base = records["base"]["validation_accuracy"] if "base" in records else None
    lines = ["| variant | validation accuracy % | against base | last loss |", "|---|---|---|---|"]
    for name, record in sorted(records.items(), key=lambda item: -item[1]["validation_accuracy"]):
        accuracy = record["validation_accuracy"]
        against = "" if base is None else f"{accuracy - base:+.2f}"
        lines.append(f"| {name} | {accuracy:.2f} | {against} | {record['curve'][-1]['loss']:.3f} |")
    return "\n".join(lines) + "\n"


def report(options: argparse.Namespace) -> str:
    """Write records and table of what is finished; return the table."""
    records = {}
    for name in VARIANTS:
        path = folder(options.output, name, options) / "training.json"
        if path.exists():
            records[name] = json.loads(path.read_text(encoding="utf-8"))
    output = Path(options.output)
    text = table(records)
    (output / "recipes.md").write_text(text, encoding="utf-8")
    (output / "recipes.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--levels", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        train(name, VARIANTS[name], options)
        report(options)
    print(report(options))


if __name__ == "__main__":
    main()
