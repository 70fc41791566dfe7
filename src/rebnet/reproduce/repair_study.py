"""The repair study: a baseline, each repair method alone, the best three together, from the records of trainings.

`rebnet.reproduce.repairs` has the rows; `rebnet.flow.study` trains them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from rebnet import zoo
from rebnet.errors import OptionError
from rebnet.reproduce.picture import COLORS, GREY
from rebnet.reproduce.records import Figure, Run, Source
from rebnet.reproduce.repairs import (
    BASELINE,
    FINDINGS,
    LEVELS,
    SEVERAL,
    SINGLE,
    TOGETHER,
    Benchmark,
    Repair,
    benchmark_of,
    best_three,
    together,
)
from rebnet.reproduce.table import Table, percent
from rebnet.reproduce.target import Reproduction, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_HEADINGS = ("category", "row", "changes", "M", "epochs", "validation %", "gain", "test %", "source")
_CAPTION = (
    "Accuracy in percent of the float network with snapped gains; gain: points of validation accuracy over the mean of "
    "the baseline's seeds. All choices are made on validation images, which were held out of the training set. Rows "
    "after de Putter and Corporaal (arXiv:2206.12322), whose abstract names the three categories; its own figures "
    "could not be read and are not shown."
)
NOT_RUN = "not run yet"
NAMES = (*(one.name for one in SINGLE), *(f"{TOGETHER}-m{levels}" for levels in LEVELS))
"""Rows, which are also the names of their runs."""


class _Measured(NamedTuple):
    """The runs that there are, and what follows from them.

    Attributes:
        runs: by the name of the row.
        baseline: mean validation accuracy of the baseline; None where a seed is missing.
        spread: largest less smallest of the baseline.
        gains: over the baseline, by the name of the row.
    """

    runs: Mapping[str, Run]
    baseline: float | None
    spread: float | None
    gains: Mapping[str, float]


def runs_in(source: Source) -> list[Source]:
    """The run that a folder is, or the runs in it that are named as rows.

    Raises:
        OptionError: there are none.
    """
    folder = Path(source)
    if str(source).startswith(zoo.PREFIX) or (folder / "training.json").exists() or not folder.is_dir():
        return [source]
    found: list[Source] = [folder / name for name in NAMES if (folder / name / "training.json").is_file()]
    if not found:
        raise OptionError(f"{folder}: holds no run that is named as a row of the study, such as {NAMES[0]}")
    return found


def repair_study(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """A row of every repair; one that has no run says so. Runs that are named as no row are left out.

    Raises:
        OptionError: a run is not what its row says, epochs differ, or the data set has no benchmark.
    """
    named = {Path(run.name).name: run for run in runs if Path(run.name).name in NAMES}
    dataset = dataset or next((run.dataset for run in named.values()), "cifar10")
    benchmark = benchmark_of(dataset)
    measured = _measured({name: run for name, run in named.items() if run.dataset == dataset})
    for repair in _planned(measured):
        if repair.name in measured.runs:
            check_run(measured.runs[repair.name], repair, benchmark)
    rows = [_row(repair, measured) for repair in _planned(measured)]
    found = list(_findings(measured))
    missing = [row["row"] for row in rows if row["notes"]]
    file = "" if dataset == "cifar10" else f" --dataset {dataset}"
    commands = [f"rebnet reproduce repair-study{file} --train runs/repair-study"] if missing else []
    said = " ".join(f"{one['category'].capitalize()}: {one['says']}." for one in found)
    table = Table(
        f"Repair methods of binary networks, {benchmark.title}",
        _HEADINGS,
        tuple(map(_cells, rows)),
        f"{_CAPTION} {_baseline_says(measured)} {said}",
        tuple(commands),
    )
    record: Row = {"dataset": dataset, "baseline": _baseline(measured), "rows": rows, "findings": found}
    return Reproduction({**record, "missing": commands}, table, lambda canvas: _draw(canvas, rows, measured), (8, 7))


def chosen(runs: Sequence[Run]) -> tuple[Repair, ...]:
    """The best three together at each of `LEVELS`; nothing as long as a row that could be among them has no run."""
    measured = _measured({Path(run.name).name: run for run in runs})
    if any(repair.name not in measured.gains for repair in SINGLE):
        return ()
    best = best_three(measured.gains)
    return tuple(together(best, levels) for levels in LEVELS)


def check_run(run: Run, repair: Repair, benchmark: Benchmark) -> None:
    """Raise `OptionError` where a run is not the training that its row says."""
    expected = {**benchmark.recipe, "method": "rebnet", **repair.recipe}
    expected.pop("stages", None)
    told = {"method": "rebnet", "weight_decay": 0.0, "optimizer": "adam", "attention": 0.0, **run.recipe}
    wrong = next((name for name in expected if name != "method" and told.get(name) != expected[name]), None)
    if told["method"] != repair.method:
        wrong = "method"
    elif run.network.without_folding() != benchmark.network(repair).without_folding():
        wrong = "network"
    elif (run.levels, run.seed, run.taught) != (repair.levels, repair.seed, repair.taught):
        wrong = "levels, seed or teacher"
    elif bool(run.recipe.get("stages")) != ("stages" in repair.recipe):
        wrong = "stages"
    if wrong is not None:
        raise OptionError(
            f"{run.name}: is not the training of the row {repair.name}, its {wrong} is another; leave it out, or train "
            "it into another folder with --train"
        )


def _measured(runs: Mapping[str, Run]) -> _Measured:
    epochs = {run.epochs for run in runs.values()}
    if len(epochs) > 1:
        raise OptionError(
            f"the runs have {', '.join(map(str, sorted(epochs)))} epochs; rows are compared at equal epochs, leave out "
            "those of others"
        )
    seeds = [one.name for one in SINGLE if one.category == BASELINE]
    if any(name not in runs for name in seeds):
        return _Measured(runs, None, None, {})
    base = [runs[name].validation[-1] for name in seeds]
    gains = {name: run.validation[-1] - mean(base) for name, run in runs.items()}
    return _Measured(runs, mean(base), max(base) - min(base), gains)


def _planned(measured: _Measured) -> Iterator[Repair]:
    """Every row; the best three by what was measured, where that is enough."""
    yield from SINGLE
    best = chosen(list(measured.runs.values()))
    yield from best or (Repair(f"{TOGETHER}-m{m}", TOGETHER, "the best three", "", levels=m) for m in LEVELS)


def _row(repair: Repair, measured: _Measured) -> Row:
    row: Row = {
        "category": repair.category,
        "row": repair.name,
        "changes": repair.changes,
        "levels": repair.levels,
        "source": repair.source,
    }
    run = measured.runs.get(repair.name)
    if run is None:
        return {**row, "notes": [NOT_RUN]}
    row |= {"run": run.name, "network": str(run.network), "seed": run.seed, "epochs": run.epochs}
    row["validation_accuracy"] = Figure(run.validation[-1], "%", f"{run.name}/training.json curve, last epoch").record
    row["test_accuracy"] = run.float_accuracy.record
    if repair.name in measured.gains:
        origin = "validation_accuracy - baseline.validation_accuracy"
        row["gain"] = Figure(measured.gains[repair.name], "points", origin).record
    return {**row, "notes": []}


def _baseline(measured: _Measured) -> Row | None:
    if measured.baseline is None or measured.spread is None:
        return None
    return {"validation_accuracy": measured.baseline, "spread": measured.spread}


def _baseline_says(measured: _Measured) -> str:
    if measured.baseline is None or measured.spread is None:
        return "The baseline has not been trained with three seeds yet, so nothing is known of chance."
    return f"Three seeds of the baseline: {measured.baseline:.2f} % on average, {measured.spread:.2f} points apart."


def _findings(measured: _Measured) -> Iterator[dict[str, Any]]:
    """Of each category that the review found most beneficial, whether it is so here.

    A category gains what the best of its rows gains. It holds where that is more than the spread of the baseline, and
    no more than two categories gain more.
    """
    alone = [one for one in SINGLE if one.category not in (BASELINE, SEVERAL)]
    whole = measured.spread is not None and all(one.name in measured.gains for one in alone)
    best: dict[str, float] = {}
    for one in alone:
        if one.name in measured.gains:
            best[one.category] = max(best.get(one.category, -100.0), measured.gains[one.name])
    for category in FINDINGS:
        gain = best.get(category)
        if not whole or gain is None:
            yield {"category": category, "holds": None, "says": f"undecided, rows are {NOT_RUN}"}
            continue
        before = sum(other > gain for other in best.values())
        assert measured.spread is not None
        holds = gain > measured.spread and before < len(FINDINGS)
        place = f"gains {gain:.2f} points, place {before + 1} of {len(best)} categories"
        yield {"category": category, "holds": holds, "says": f"{'holds' if holds else 'does not hold'}, {place}"}


def _cells(row: Row) -> tuple[str, ...]:
    def value(key: str) -> float | None:
        return float(row[key]["value"]) if key in row else None

    gain = value("gain")
    return (
        row["category"],
        row["row"],
        "; ".join((row["changes"], *row["notes"])),
        str(row["levels"]),
        str(row.get("epochs", "")),
        percent(value("validation_accuracy")),
        "" if gain is None else f"{gain:+.2f}",
        percent(value("test_accuracy")),
        row["source"],
    )


def _draw(canvas: "Canvas", rows: Sequence[Row], measured: _Measured) -> None:
    """A bar a row, its gain over the baseline, and the width of chance."""
    axes: Axes = canvas.subplots()
    shown = [row for row in rows if "gain" in row]
    if not shown or measured.spread is None:
        axes.text(0.5, 0.5, NOT_RUN, transform=axes.transAxes, ha="center", color=GREY)
        return
    places = range(len(shown))
    found = [COLORS[0] if row["category"] in FINDINGS else GREY for row in shown]
    axes.barh(places, [row["gain"]["value"] for row in shown], color=found)
    axes.axvspan(-measured.spread, measured.spread, color=COLORS[1], alpha=0.15, label="spread of the baseline")
    axes.set_yticks(places, [row["row"] for row in shown])
    axes.invert_yaxis()
    axes.set_xlabel("validation accuracy over the baseline, points")
    axes.legend(loc="lower right")
