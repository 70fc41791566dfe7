"""Table IV: factors that are computed online, while an image is classified, against trained ones.

The paper's table and its equation 9 could not be read while this was written, so no number of theirs stands here. What
stands here is measured: γ_i = mean |r_i|, the factor of least squared error, which for one level is XNOR-Net's
(Rastegari et al., arXiv:1603.05279), put into networks that were trained with factors as parameters.
"""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet.reproduce.figure10 import build_of
from rebnet.reproduce.picture import GREY, color
from rebnet.reproduce.published import DATASETS
from rebnet.reproduce.records import Figure, Run, datasets_of
from rebnet.reproduce.table import Table, percent, whole
from rebnet.reproduce.target import Reproduction, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_HEADINGS = (
    "data set", "M", "trained %", "online %", "lost", "held KiB", "additions", "multiplications", "passes", "run",
)  # fmt: skip
_CAPTION = (
    "Test accuracy of the float network in percent, with trained factors and with γ_i = mean |r_i| of every image's "
    "own map, BatchNorm fitted again, weights not trained again; lost: points of the difference. What such factors "
    "would take per image, counted from the shapes: sums held until the factor is known, additions of magnitudes, "
    "multiplications of channels' magnitudes and steps, passes over the held sums. With trained factors all four are "
    "0. Least-squares factors: XNOR-Net (arXiv:1603.05279) for one level; the paper's own Table IV and equation 9 "
    "could not be read, and no number of theirs is shown."
)
_COSTS = ("held_bits", "additions", "multiplications")


def table4(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """A row a run; one without online.json says how to measure it.

    Raises:
        OptionError: no run was trained on the data set that was asked for.
    """
    datasets = datasets_of(runs, dataset, "builds")
    shown = [run for name in datasets for run in sorted(runs, key=lambda run: run.levels) if run.dataset == name]
    rows = [_row(run) for run in shown]
    commands = []
    for run in shown:
        if run.online is None:
            if run.model_latency is None:
                commands.append(f"rebnet compile {shlex.quote(run.name)} --output {build_of(run)}")
            commands.append(f"rebnet evaluate {build_of(run)} --dataset {shlex.quote(run.dataset)} --online")
    if commands:
        commands.append(f"rebnet reproduce table4 {' '.join(f'--from {build_of(run)}' for run in shown)}")
    title = "Table IV, factors computed online against trained ones"
    table = Table(title, _HEADINGS, tuple(map(_cells, rows)), _CAPTION, tuple(commands))

    def draw(canvas: "Canvas") -> None:
        for name, axes in zip(datasets, canvas.subplots(1, len(datasets), squeeze=False).flat, strict=True):
            _draw(axes, name, [row for row in rows if row["dataset"] == name])

    return Reproduction({"rows": rows, "missing": commands}, table, draw, (5.5 * len(datasets), 3.8))


def _row(run: Run) -> Row:
    row: Row = {"dataset": run.dataset, "levels": run.levels, "run": run.name, "network": str(run.network)}
    if run.online is None:
        return {**row, "notes": ["not measured"]}
    online, origin = run.online, f"{run.name}/online.json"
    for key in ("trained_accuracy", "online_accuracy"):
        row[key] = Figure(online[key], "%", f"{origin} {key}, {online['images']} images").record
    units = {"held_bits": "bits", "additions": "an image", "multiplications": "an image"}
    for key in _COSTS:
        total = sum(layer[key] for layer in online["layers"])
        row[key] = Figure(total, units[key], f"{origin} layers, summed").record
    row["passes"] = Figure(online["levels"], "", f"{origin} levels").record
    return {**row, "notes": []}


def _cells(row: Row) -> tuple[str, ...]:
    def value(key: str) -> float | None:
        return float(row[key]["value"]) if key in row else None

    trained, online, held = value("trained_accuracy"), value("online_accuracy"), value("held_bits")
    return (
        DATASETS.get(row["dataset"], str(row["dataset"])),
        str(row["levels"]),
        percent(trained),
        percent(online),
        "" if trained is None or online is None else f"{trained - online:.2f}",
        "" if held is None else f"{held / 8 / 1024:.2f}",
        whole(value("additions")),
        whole(value("multiplications")),
        whole(value("passes")),
        "; ".join((str(row["run"]), *row["notes"])),
    )


def _draw(axes: "Axes", dataset: str, rows: Sequence[Row]) -> None:
    """Two bars a run: trained, and computed online."""
    shown = [row for row in rows if "online_accuracy" in row]
    for key, shift, alpha in (("trained_accuracy", -0.2, 1.0), ("online_accuracy", 0.2, 0.45)):
        left = [place + shift for place in range(len(shown))]
        heights = [row[key]["value"] for row in shown]
        bars = axes.bar(left, heights, 0.38, color=[color(row["levels"]) for row in shown], alpha=alpha)
        axes.bar_label(bars, [f"{height:.2f}" for height in heights], fontsize=7, padding=1)
        axes.plot([], [], "s", color=GREY, alpha=alpha, label=f"{key.split('_')[0]} factors")
    axes.set_xticks(range(len(shown)), [f"M={row['levels']}" for row in shown])
    axes.set_ylabel("test accuracy, %")
    axes.set_ylim(0, 112)
    axes.set_title(DATASETS.get(dataset, dataset))
    if shown:
        axes.legend(loc="lower right")
    else:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=GREY)
