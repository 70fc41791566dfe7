"""Table III: accuracy and throughput of each data set, FINN's, the paper's and ours."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rebnet.errors import OptionError
from rebnet.ir.notation import parse
from rebnet.reproduce import published
from rebnet.reproduce.picture import ABOVE, BESIDE, COLORS, GREY, Place, log_images_per_second, name_point
from rebnet.reproduce.published import CLOCK_MHZ, DATASETS, NETWORKS, Published
from rebnet.reproduce.records import Run
from rebnet.reproduce.table import Table, percent, whole
from rebnet.reproduce.target import Reproduction, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

OURS = "rebnet"
_LEVELS = (1, 2, 3)
_HEADINGS = (
    "data set", "by", "M", "published %", "float %", "integer %", "model cycles", "RTL cycles", "images/s",
)  # fmt: skip
_CAPTION = (
    "Test accuracy in percent. Cycles per image: of the cycle model, and measured in RTL simulation. images/s: "
    f"published, or {CLOCK_MHZ} MHz (assumed, as in the paper) / cycles, the RTL's where measured. table3.json says "
    "where each number comes from."
)


def table3(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """Rows of every data set of the table, or of one; what has no run is "not measured".

    Raises:
        OptionError: a data set that the table does not have.
    """
    if dataset is not None and dataset not in DATASETS:
        raise OptionError(f"dataset={dataset!r}: the paper's Table III has {', '.join(DATASETS)}; use one of these")
    for run in runs:
        if run.dataset not in DATASETS:
            raise OptionError(
                f"{run.name}: trained on {run.dataset}, and the paper's Table III has {', '.join(DATASETS)}; "
                "leave it out"
            )
    datasets = list(DATASETS) if dataset is None else [dataset]
    rows = [row for name in datasets for row in _rows(name, [run for run in runs if run.dataset == name])]
    table = Table("Table III, accuracy and throughput", _HEADINGS, tuple(map(_cells, rows)), _CAPTION)
    columns = min(2, len(datasets))
    lines = -(-len(datasets) // columns)

    def draw(canvas: "Canvas") -> None:
        for name, axes in zip(datasets, canvas.subplots(lines, columns, squeeze=False).flat, strict=True):
            _draw(axes, name, [run for run in runs if run.dataset == name])

    record = {"clock_mhz_assumed": CLOCK_MHZ, "rows": rows}
    return Reproduction(record, table, draw, (5.5 * columns, 3.8 * lines))


def _rows(dataset: str, runs: Sequence[Run]) -> Iterator[Row]:
    """Rows of one data set as the JSON holds them."""
    for result in published.of(dataset):
        yield _published_row(result)
    for levels in sorted({*_LEVELS, *(run.levels for run in runs)}) if runs else (None,):
        ours = [run for run in runs if run.levels == levels]
        yield from map(_our_row, ours)
        if not ours:
            yield {"dataset": dataset, "by": OURS, "levels": levels, "notes": ["not measured"]}


def _published_row(result: Published) -> Row:
    row: Row = {"dataset": result.dataset, "by": result.source, "levels": result.levels}
    row["published_accuracy"] = {"value": result.accuracy, "unit": "%", "origin": result.origin}
    if result.images_per_second is not None:
        throughput = {"value": result.images_per_second, "unit": "images/s", "origin": result.origin}
        row["images_per_second"] = throughput
    return row


def _our_row(run: Run) -> Row:
    figures = {
        "float_accuracy": run.float_accuracy,
        "integer_accuracy": run.integer_accuracy,
        "model_cycles": run.model_cycles,
        "rtl_cycles": run.rtl_cycles,
        "images_per_second": run.images_per_second,
    }
    notes = []
    if run.network.without_folding() != parse(NETWORKS[run.dataset][1]).without_folding():
        notes.append("another network than the paper's")
    if run.images_per_second is not None and not run.paper_folding:
        notes.append("another folding than the text's")
    return {
        "dataset": run.dataset,
        "by": OURS,
        "levels": run.levels,
        "run": run.name,
        "notes": notes,
        "network": str(run.network),
        "seed": run.seed,
        "epochs": run.epochs,
        **{name: figure.record for name, figure in figures.items() if figure is not None},
    }


def _cells(row: Row) -> tuple[str, ...]:
    def value(key: str) -> float | None:
        figure = row.get(key)
        return None if figure is None else figure["value"]

    return (
        DATASETS[row["dataset"]],
        "; ".join((str(row.get("run", row["by"])), *row.get("notes", ()))),
        "" if row["levels"] is None else str(row["levels"]),
        percent(value("published_accuracy")),
        percent(value("float_accuracy")),
        percent(value("integer_accuracy")),
        whole(value("model_cycles")),
        whole(value("rtl_cycles")),
        whole(value("images_per_second")),
    )


def _draw(axes: "Axes", dataset: str, runs: Sequence[Run]) -> None:
    """Accuracy against images/s, theirs and ours."""
    results = [result for result in published.of(dataset) if result.images_per_second is not None]
    for source, style, color in ((published.FINN, "s", GREY), (published.PAPER, "o--", COLORS[1])):
        points = [_Point(r.images_per_second or 0, r.accuracy, r.levels) for r in results if r.source == source]
        _plot(axes, points, source, style, color, ABOVE)
    placed = sorted((run for run in runs if run.images_per_second is not None), key=lambda run: run.levels)
    _plot(axes, _points(placed), None, ":", COLORS[0])
    for integer, name, fill in ((True, "integer network", COLORS[0]), (False, "float network", "white")):
        points = _points([run for run in placed if (run.integer_accuracy is not None) == integer])
        _plot(axes, points, f"{OURS}, {name}", "D", COLORS[0], BESIDE, fill)
    if not placed:
        axes.plot([], [], "D", color=COLORS[0], markerfacecolor="white", label=f"{OURS}: not measured")
    log_images_per_second(axes)
    axes.margins(x=0.12, y=0.15)
    axes.set_ylabel("test accuracy, %")
    axes.set_title(DATASETS[dataset])
    axes.legend(loc="best")


class _Point(NamedTuple):
    images_per_second: float
    accuracy: float
    levels: int | None


def _points(runs: Sequence[Run]) -> list[_Point]:
    return [_Point(r.images_per_second.value, r.accuracy.value, r.levels) for r in runs if r.images_per_second]


def _plot(
    axes: "Axes",
    points: Sequence[_Point],
    label: str | None,
    style: str,
    color: str,
    place: Place | None = None,
    fill: str | None = None,
) -> None:
    """Plot points, each with its M at that place; nothing where there are no points."""
    if not points:
        return
    x = [point.images_per_second for point in points]
    y = [point.accuracy for point in points]
    axes.plot(x, y, style, color=color, markerfacecolor=fill or color, label=label)
    for point in points:
        if place is not None and point.levels is not None:
            name_point(axes, f"M={point.levels}", (point.images_per_second, point.accuracy), place, color)
