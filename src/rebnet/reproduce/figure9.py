"""Figure 9: how fast networks with M levels learn, validation accuracy after each epoch."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet.reproduce import published
from rebnet.reproduce.picture import GREY, color
from rebnet.reproduce.published import DATASETS, LOGS, PAPER
from rebnet.reproduce.records import Run, datasets_of
from rebnet.reproduce.table import Table, percent
from rebnet.reproduce.target import Reproduction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_HEADINGS = ("data set", "M", "epochs", "validation %", "test %", "paper %", "logs %", "run")
_CAPTION = (
    "Accuracy in percent. Validation: images held out of the training set, after the last epoch. Test: the float "
    "network with snapped gains. Paper: Table III. Logs: the best epoch of the authors' own logs."
)
_LINES = ((PAPER, "--"), (LOGS, ":"))


def figure9(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """The learning curve of every run, one panel a data set, with published final accuracies as horizontal lines.

    Raises:
        OptionError: no run was trained on the data set that was asked for.
    """
    datasets = datasets_of(runs, dataset, "runs")
    shown = sorted((run for run in runs if run.dataset in datasets), key=lambda run: run.levels)
    shown.sort(key=lambda run: datasets.index(run.dataset))

    def draw(canvas: "Canvas") -> None:
        for name, axes in zip(datasets, canvas.subplots(1, len(datasets), squeeze=False).flat, strict=True):
            _draw(axes, name, [run for run in shown if run.dataset == name])

    table = Table("Figure 9, learning curves", _HEADINGS, tuple(map(_cells, shown)), _CAPTION)
    record = {
        "curves": [
            {
                "run": run.name,
                "network": str(run.network),
                "dataset": run.dataset,
                "levels": run.levels,
                "seed": run.seed,
                "validation_accuracy": list(run.validation),
                "test_accuracy": run.float_accuracy.record,
            }
            for run in shown
        ],
        "published": [
            {
                "dataset": result.dataset,
                "by": result.source,
                "levels": result.levels,
                "accuracy": {"value": result.accuracy, "unit": "%", "origin": result.origin},
            }
            for name in datasets
            for result in published.of(name)
            if result.levels is not None
        ],
    }
    return Reproduction(record, table, draw, (5.5 * len(datasets), 4.2))


def _cells(run: Run) -> tuple[str, ...]:
    theirs = {result.source: result.accuracy for result in published.of(run.dataset) if result.levels == run.levels}
    return (
        DATASETS.get(run.dataset, run.dataset),
        str(run.levels),
        str(run.epochs),
        percent(run.validation[-1]),
        percent(run.float_accuracy.value),
        percent(theirs.get(PAPER)),
        percent(theirs.get(LOGS)),
        run.name,
    )


def _draw(axes: "Axes", dataset: str, runs: Sequence[Run]) -> None:
    for run in runs:
        axes.plot(range(1, len(run.validation) + 1), run.validation, color=color(run.levels), linewidth=1.3)
    results = [result for result in published.of(dataset) if result.levels in {run.levels for run in runs}]
    for source, style in _LINES:
        for result in results:
            if result.source == source and result.levels is not None:
                axes.axhline(result.accuracy, linestyle=style, color=color(result.levels), linewidth=1)
    axes.set_ylim(*_limits(runs, [result.accuracy for result in results]))
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation accuracy, %")
    axes.set_title(DATASETS.get(dataset, dataset))
    for levels in sorted({run.levels for run in runs}):
        axes.plot([], [], color=color(levels), label=f"M={levels}, validation, rebnet")
    for source, style in _LINES:
        if any(result.source == source for result in results):
            axes.plot([], [], style, color=GREY, label=f"test accuracy: {source}")
    axes.legend(loc="lower right")


def _limits(runs: Sequence[Run], accuracies: Sequence[float]) -> tuple[float, float]:
    """Percent at the ends of the axis: the first twentieth of each curve, where it is steep, may leave the picture."""
    settled = [value for run in runs for value in run.validation[math.ceil(len(run.validation) / 20) - 1 :]]
    low, high = min([*settled, *accuracies]), max([*settled, *accuracies])
    margin = max(0.05 * (high - low), 0.1)
    return low - margin, min(high + margin, 100 + margin)
