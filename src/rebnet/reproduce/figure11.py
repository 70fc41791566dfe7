"""Figure 11: a network widened by S against one with M levels, in accuracy, throughput and weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet.errors import OptionError
from rebnet.reproduce.picture import ABOVE, color, log_images_per_second, name_point
from rebnet.reproduce.published import CLOCK_MHZ, DATASETS, NETWORKS
from rebnet.reproduce.records import Run
from rebnet.reproduce.table import Table, percent, whole
from rebnet.reproduce.target import Reproduction, Row
from rebnet.reproduce.wide import Wide, widths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_WIDTHS = (1, 1.5, 2)
_LEVELS = (1, 2, 3)
"""S and M of the trainings that the message asks for."""
_HEADINGS = (
    "data set", "S", "M", "float %", "integer %", "model cycles", "RTL cycles", "images/s", "weights KiB", "run",
)  # fmt: skip
_CAPTION = (
    "S: factor on the outputs of every hidden layer. Test accuracy in percent. Cycles per image: of the cycle model at "
    "the foldings of the network's text, which do not grow with S, and measured in RTL simulation. images/s: "
    f"{CLOCK_MHZ} MHz (assumed) / cycles, the RTL's where measured. Weights are 1 bit each, whatever M is."
)


def figure11(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """Accuracy against S for each M, and against throughput and weights, of each data set with two widths or more.

    S counts from the paper's network, or from the narrowest of the runs where that is another.

    Raises:
        OptionError: no data set, or not the one that was asked for, has runs at two widths; says how to train them. Or
            a run's network is not a widened form of the others'.
    """
    names = dict.fromkeys(run.dataset for run in runs) if dataset is None else [dataset]
    found = {name: widths([run for run in runs if run.dataset == name]) for name in names}
    shown = {name: wide for name, wide in found.items() if len({each.scale for each in wide}) > 1}
    if not shown:
        raise OptionError(_missing(dataset or next(iter(names)), runs))

    def draw(canvas: "Canvas") -> None:
        for wide, axes in zip(shown.values(), canvas.subplots(len(shown), 3, squeeze=False), strict=True):
            _draw(tuple(axes), wide)

    wides = [each for wide in shown.values() for each in wide]
    table = Table("Figure 11, widening against levels", _HEADINGS, tuple(map(_cells, wides)), _CAPTION)
    record = {"clock_mhz_assumed": CLOCK_MHZ, "points": [_point(each) for each in wides]}
    return Reproduction(record, table, draw, (13, 3.8 * len(shown)))


def _missing(dataset: str, runs: Sequence[Run]) -> str:
    """What to run to get a figure of this data set."""
    name, text = NETWORKS.get(dataset, ("", ""))
    used = [run for run in runs if run.dataset == dataset]
    if not text and not used:
        return (
            f"dataset={dataset!r}: none of the records is of a training on it; figure 11 needs trainings at two widths "
            "or more; make them with 'rebnet train --width S' and name their folders with --from"
        )
    network = name or f"'{used[0].network}'"
    have = {(each.scale, each.run.levels): each.run.name for each in widths(used)}
    wanted = [(width, levels) for width in _WIDTHS for levels in _LEVELS]
    folders = [have.get(each, f"runs/{dataset.replace(':', '-')}-s{each[0]:g}-m{each[1]}") for each in wanted]
    commands = [
        f"  rebnet train --network {network} --dataset {dataset} --levels {levels} --width {width:g} --output {folder}"
        for (width, levels), folder in zip(wanted, folders, strict=True)
        if (width, levels) not in have
    ]
    sources = " ".join(f"--from {folder}" for folder in folders)
    return "\n".join(
        (
            f"figure 11 compares widths, and no records of {dataset} at two widths were named; train some, such as",
            *commands,
            f"  rebnet reproduce figure11 --dataset {dataset} {sources}",
        )
    )


def _point(each: Wide) -> Row:
    run = each.run
    figures = {
        "float_accuracy": run.float_accuracy,
        "integer_accuracy": run.integer_accuracy,
        "model_cycles": run.model_cycles,
        "rtl_cycles": run.rtl_cycles,
        "images_per_second": run.images_per_second,
    }
    return {
        "run": run.name,
        "network": str(run.network),
        "dataset": run.dataset,
        "levels": run.levels,
        "scale": each.scale,
        "seed": run.seed,
        "epochs": run.epochs,
        "weights_kib": round(each.weights_kib, 3),
        **{name: figure.record for name, figure in figures.items() if figure is not None},
    }


def _cells(each: Wide) -> tuple[str, ...]:
    run = each.run
    return (
        DATASETS.get(run.dataset, run.dataset),
        f"{each.scale:g}",
        str(run.levels),
        percent(run.float_accuracy.value),
        percent(run.integer_accuracy.value if run.integer_accuracy else None),
        whole(run.model_cycles.value if run.model_cycles else None),
        whole(run.rtl_cycles.value if run.rtl_cycles else None),
        whole(run.images_per_second.value if run.images_per_second else None),
        f"{each.weights_kib:.2f}",
        run.name,
    )


def _draw(panels: tuple["Axes", ...], wide: Sequence[Wide]) -> None:
    """One row of the picture: a data set's accuracy against S, throughput and weights."""
    by_width, by_throughput, by_weights = panels
    title = DATASETS.get(wide[0].run.dataset, wide[0].run.dataset)
    for levels in sorted({each.run.levels for each in wide}):
        some = [each for each in wide if each.run.levels == levels]
        _plot(by_width, levels, [(each.scale, each) for each in some])
        fast = [(each.run.images_per_second.value, each) for each in some if each.run.images_per_second]
        _plot(by_throughput, levels, fast)
        for rate, each in fast:
            place = (rate, each.run.accuracy.value)
            name_point(by_throughput, f"S={each.scale:g}", place, ABOVE, color(levels))
        _plot(by_weights, levels, [(each.weights_kib, each) for each in some])
    by_width.set_xlabel("S, factor on the outputs of hidden layers")
    by_width.set_xticks(sorted({each.scale for each in wide}))
    log_images_per_second(by_throughput)
    sizes = sorted({(each.weights_kib, each.scale) for each in wide})
    by_weights.set_xticks([kib for kib, _ in sizes], [f"{kib:.0f}\nS={factor:g}" for kib, factor in sizes])
    by_weights.set_xlabel("weights, KiB")
    for axes in panels:
        axes.margins(x=0.1, y=0.15)
        axes.set_ylabel("test accuracy, %")
        axes.set_title(title)
    by_width.legend(loc="best")


def _plot(axes: "Axes", levels: int, points: Sequence[tuple[float, Wide]]) -> None:
    """The line of M levels."""
    y = [each.run.accuracy.value for _, each in points]
    axes.plot([x for x, _ in points], y, "o-", color=color(levels), label=f"M={levels}")
