"""Figure 12: at equal accuracy, a one-level network that was widened against more levels that were not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet.reproduce.figure10 import commands_of
from rebnet.reproduce.picture import BESIDE, color, log_images_per_second, name_point
from rebnet.reproduce.published import CLOCK_MHZ, DATASETS
from rebnet.reproduce.records import Figure, Run, datasets_of
from rebnet.reproduce.table import Table, percent, whole
from rebnet.reproduce.target import Reproduction, Row
from rebnet.reproduce.wide import Wide, widths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_HEADINGS = (
    "data set", "network", "accuracy %", "images/s", "weights KiB", "LUT", "BRAM", "equal", "run",
)  # fmt: skip
_CAPTION = (
    "Each pair: M levels at S=1, and the narrowest network of one level that is at least as accurate (equal: yes), or "
    "the most accurate one that was trained (equal: no). Accuracy: the integer network's, or else the float network's. "
    f"images/s: {CLOCK_MHZ} MHz (assumed) / cycles, the RTL's where measured. Weights are 1 bit each. LUT, BRAM: as "
    "synthesised, BRAM in blocks of 36 kbit."
)
Pair = tuple[Wide, Wide | None, bool]
"""More levels at S=1; the one-level network set against it, if there is any; whether that is as accurate."""


def figure12(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """Pairs of every data set that the runs have, or of one; a pair that lacks a side says how to train it.

    Raises:
        OptionError: no run was trained on the data set that was asked for, or a run's network is not a widened form of
            the others'.
    """
    datasets = datasets_of(runs, dataset, "runs")
    found = {name: _pairs(widths([run for run in runs if run.dataset == name])) for name in datasets}
    commands = [line for name, pairs in found.items() for line in _missing(name, pairs, runs)]
    rows = [row for name, pairs in found.items() for pair in pairs for row in _rows(name, pair)]
    table = Table(
        "Figure 12, widening against levels at equal accuracy", _HEADINGS, tuple(rows), _CAPTION, tuple(commands)
    )

    def draw(canvas: "Canvas") -> None:
        panels = canvas.subplots(len(found), 2, squeeze=False)
        for (name, pairs), (speed, area) in zip(found.items(), panels, strict=True):
            _draw(speed, area, name, pairs)

    pairs = [_record(name, pair) for name, of in found.items() for pair in of]
    record = {"clock_mhz_assumed": CLOCK_MHZ, "pairs": pairs, "missing": commands}
    return Reproduction(record, table, draw, (9, 3.8 * len(found)))


def _pairs(wide: Sequence[Wide]) -> list[Pair]:
    singles = sorted((each for each in wide if each.run.levels == 1), key=lambda each: each.scale)
    pairs: list[Pair] = []
    for each in wide:
        if each.run.levels == 1 or each.scale != 1:
            continue
        equal = [single for single in singles if single.run.accuracy.value >= each.run.accuracy.value]
        nearest = max(singles, key=lambda single: single.run.accuracy.value, default=None)
        pairs.append((each, equal[0] if equal else nearest, bool(equal)))
    return pairs


def _missing(dataset: str, pairs: Sequence[Pair], runs: Sequence[Run]) -> list[str]:
    """What to run so that every pair is whole and measured."""
    ours = [run for run in runs if run.dataset == dataset]
    folder = f"runs/{dataset.replace(':', '-')}"
    train = f"rebnet train --network '{ours[0].network}' --dataset {dataset}"
    if not pairs:
        return [f"{train} --levels {m} --output {folder}-s1-m{m}" for m in (2, 3)]
    lines = []
    if not all(equal for *_, equal in pairs):
        widest = max((single.scale for _, single, _ in pairs if single), default=0.5)
        base = next(many.run.network for many, *_ in pairs)
        factor = widest + 0.5
        command = f"rebnet train --network '{base}' --dataset {dataset}"
        lines.append(f"{command} --levels 1 --width {factor:g} --output {folder}-s{factor:g}-m1")
    shown = dict.fromkeys(side.run.name for many, single, _ in pairs for side in (many, single) if side)
    return lines + [line for run in ours if run.name in shown for line in commands_of(run)]


def _sides(pair: Pair) -> list[Wide]:
    many, single, _ = pair
    return [many] if single is None else [many, single]


def _rows(dataset: str, pair: Pair) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for side in _sides(pair):
        run, used = side.run, side.run.utilisation
        rows.append(
            (
                DATASETS.get(dataset, dataset),
                f"M={run.levels}, S={side.scale:g}",
                percent(run.accuracy.value),
                whole(run.images_per_second.value if run.images_per_second else None),
                f"{side.weights_kib:.2f}",
                whole(used.used["LUT"]) if used else "",
                f"{used.used['BRAM']:g}" if used else "",
                "" if side is pair[0] else "yes" if pair[2] else "no",
                run.name,
            )
        )
    return rows


def _record(dataset: str, pair: Pair) -> Row:
    many, single, equal = pair
    return {
        "dataset": dataset,
        "equal": equal,
        "levels": _side(many),
        "widened": _side(single) if single else None,
        **_ratios(many, single),
    }


def _side(side: Wide) -> Row:
    run = side.run
    shown: Row = {
        "run": run.name,
        "network": str(run.network),
        "levels": run.levels,
        "scale": side.scale,
        "weights_kib": round(side.weights_kib, 3),
        "accuracy": run.accuracy.record,
    }
    if run.images_per_second is not None:
        shown["images_per_second"] = run.images_per_second.record
    if run.utilisation is not None:
        for resource, count in run.utilisation.used.items():
            shown[resource] = Figure(count, "", run.utilisation.origin).record
    return shown


def _ratios(many: Wide, single: Wide | None) -> Row:
    """What the widened network takes and gives for one of the network with levels."""
    if single is None:
        return {}
    ratios = {"weights_ratio": single.weights_kib / many.weights_kib}
    fast, slow = single.run.images_per_second, many.run.images_per_second
    if fast and slow:
        ratios["throughput_ratio"] = fast.value / slow.value
    if single.run.utilisation and many.run.utilisation:
        ratios["lut_ratio"] = single.run.utilisation.used["LUT"] / many.run.utilisation.used["LUT"]
    return {name: round(value, 4) for name, value in ratios.items()}


def _draw(speed: "Axes", area: "Axes", dataset: str, pairs: Sequence[Pair]) -> None:
    """Each pair joined by a line: accuracy against throughput, and against weights."""
    for pair in pairs:
        sides = _sides(pair)
        fast = [(s.run.images_per_second.value, s) for s in sides if s.run.images_per_second]
        for axes, points in ((speed, fast), (area, [(s.weights_kib, s) for s in sides])):
            values = [s.run.accuracy.value for _, s in points]
            shade = color(pair[0].run.levels)
            axes.plot([x for x, _ in points], values, "--" if pair[2] else ":", color=shade, linewidth=1)
            for (x, side), value in zip(points, values, strict=True):
                axes.plot([x], [value], "o" if side is pair[0] else "s", color=shade)
                name_point(axes, f"M={side.run.levels}, S={side.scale:g}", (x, value), BESIDE, shade)
    if any(side.run.images_per_second for pair in pairs for side in _sides(pair)):
        log_images_per_second(speed)
    area.set_xlabel("weights, KiB")
    for axes in (speed, area):
        axes.margins(x=0.2, y=0.2)
        axes.set_ylabel("test accuracy, %")
        axes.set_title(DATASETS.get(dataset, dataset))
