"""What training and evaluation say: accuracy, the learning curve, the factors, adaptive levels."""

import math

from rebnet.records import Adaptive, Evaluation, Simulation, Training
from rebnet.records.training import Epoch
from rebnet.report.chart import BOTTOM, LEFT, RIGHT, TOP, Scale, frame, line, picture, span
from rebnet.report.commands import command
from rebnet.report.html import Child, Html, number, table, tag, words
from rebnet.report.page import at, details, missing, section
from rebnet.report.records import Build

_WIDTH, _HEIGHT = 480, 270
_FACTS = {
    "epochs": "epochs",
    "seed": "seed",
    "device": "device",
    "input_bits": "bits of a pixel",
    "validation_accuracy": "validation accuracy, %, final",
    "test_accuracy": "test accuracy, %, final, float",
    "validation_error": "validation error, final",
    "test_error": "test error, final, float",
}
_Z = 1.959964  # of a normal distribution, 95 %
_Row = tuple[str, float | None, int | None, str]
"""What ran, its figure, of how many images, and where that is from."""


def accuracy(build: Build) -> Html:
    """Float, integer and RTL accuracy beside each other, each with the spread that so many images leave open."""
    evaluation, simulation, training = build.get(Evaluation), build.get(Simulation), build.get(Training)
    regression = any(one is not None and "error" in one for one in (evaluation, simulation)) or (
        training is not None and training.test_error is not None
    )
    rows: list[_Row] = []
    if evaluation is not None:
        count, m = evaluation.images, evaluation.levels
        real = evaluation.float_error if regression else evaluation.float_accuracy
        rows += [("float", real, count, f"exported network, m = {m}")] if real is not None else []
        rows += [
            ("integer", evaluation.error if regression else evaluation.accuracy, count,
             f"{evaluation.engine} engine, m = {m}"),
        ]  # fmt: skip
    elif training is not None:
        found = training.test_error if regression else training.test_accuracy
        rows.append(("float", found, None, "at the end of the training"))
    if simulation is not None:
        levels = ", ".join(map(str, simulation.levels))
        found = simulation.error if regression else simulation.accuracy
        rows.append(("RTL", found, simulation.images, f"Verilator, m = {levels}"))
    parts: list[Child] = []
    if rows:
        cells = [
            (name, number(value, 4 if regression else 2), "–" if images is None else f"{images:,}", words(origin))
            for name, value, images, origin in rows
        ]
        headings = ("network", "error" if regression else "accuracy, %", "test images", words("what ran", "th"))
        shown = table(headings, cells, id="accuracies")
        parts.append(shown if regression else tag("div", _dots(rows), shown, class_="pair"))
    if evaluation is not None and evaluation.labels_differing is not None:
        count, all_ = evaluation.labels_differing, evaluation.images * math.prod(build.network.scores_shape[:-1])
        parts.append(tag("p", f"Labels of float and integer network that differ: {count:,} of {all_:,}."))
    if evaluation is not None and evaluation.most_difference is not None:
        most = evaluation.most_difference
        parts.append(tag("p", f"Values of float and integer network differ by {most:g} at most."))
    for file, record in (("evaluation.json", evaluation), ("simulation.json", simulation)):
        if record is None:
            parts.append(missing(file, command(build, file), build.unused.get(file)))
    if regression:
        return section("accuracy", "Error", *parts, lead="Root of the mean squared error, in units of the targets.")
    lead = "Dots are what was counted. The line is the 95 % interval that this number of images leaves open (Wilson)."
    return section("accuracy", "Accuracy", *parts, lead=lead)


def wilson(percent: float, images: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy in percent that was counted on so many images, in percent."""
    share, z = percent / 100, _Z
    middle = (share + z * z / (2 * images)) / (1 + z * z / images)
    half = z * math.sqrt(share * (1 - share) / images + z * z / (4 * images * images)) / (1 + z * z / images)
    return 100 * (middle - half), 100 * (middle + half)


def _dots(rows: list[_Row]) -> Html:
    """Accuracies and their intervals on one axis."""
    values = [0.0 if value is None else value for _, value, _, _ in rows]
    images = [count for _, _, count, _ in rows]
    ends = [wilson(value, count) if count else (value, value) for value, count in zip(values, images, strict=True)]
    x = Scale(*span([end for pair in ends for end in pair], least=1, most=100), start=LEFT + 30, end=_WIDTH - 60)
    height = TOP + 34 * len(rows) + BOTTOM
    marks: list[Html] = []
    for place, ((name, *_), value, (low, high)) in enumerate(zip(rows, values, ends, strict=True)):
        y = TOP + 34 * place + 17
        marks += [
            tag("text", name, x=LEFT + 18, y=y + 4, text_anchor="end", class_="axis"),
            tag("line", x1=x(low), x2=x(high), y1=y, y2=y, class_="whisker"),
            tag("g", tag("circle", r=5, cx=x(value), cy=y), class_="point small"),
            tag("text", f"{value:.2f}", x=x(high) + 9, y=y + 4, class_="value-label"),
        ]
    base = height - BOTTOM
    ticks = [
        tag("g", tag("line", x1=x(t), x2=x(t), y1=TOP, y2=base, class_="grid"),
            tag("text", f"{t:g}", x=x(t), y=base + 15, text_anchor="middle"))
        for t in x.ticks
    ]  # fmt: skip
    label = tag("text", "test accuracy, %", x=(x.start + x.end) / 2, y=base + 33, text_anchor="middle", class_="axis")
    return tag("figure", picture(_WIDTH, height, "Test accuracy of float, integer and RTL", *ticks, label, *marks))


def learning(build: Build) -> Html:
    """Validation accuracy after each epoch."""
    title = "Learning curve"
    training = build.get(Training)
    curve = training.curve if training is not None else None
    if not training or not curve:
        reason = build.unused.get("training.json", "holds no learning curve")
        return section("learning", title, missing("training.json", "rebnet train --network NETWORK --dataset DATASET "
                                                  "--output RUN", reason))  # fmt: skip
    values, regression = [entry.judged for entry in curve], training.test_error is not None
    kind, unit = ("error", "") if regression else ("accuracy", ", %")
    epochs = [entry.epoch for entry in curve]
    settled = values[math.ceil(len(values) / 20) - 1 :]
    low, high = span(settled, least=1e-3 * max(values)) if regression else span(settled, least=1, most=100)
    x = Scale(min(epochs) - 0.5, max(epochs) + 0.5, LEFT, _WIDTH - RIGHT)
    y = Scale(low, high, _HEIGHT - BOTTOM, TOP)
    shown = [(epoch, min(max(value, low), high)) for epoch, value in zip(epochs, values, strict=True)]
    trace = line([(x(epoch), y(value)) for epoch, value in shown], class_="trace")
    width = max((x(max(epochs)) - x(min(epochs))) / max(len(epochs) - 1, 1), 2)
    hits = [
        tag("rect", x=round(x(entry.epoch) - width / 2, 1), y=TOP, width=round(width, 1),
            height=_HEIGHT - TOP - BOTTOM, class_="hit", data_tip=_epoch(entry))
        for entry in curve
    ]  # fmt: skip
    axes = frame(x, y, "epoch", f"validation {kind}{unit}")
    drawn = picture(_WIDTH, _HEIGHT, f"Validation {kind} after each epoch", *hits, axes, trace)
    told = ("epoch", "loss", "validation_accuracy", "validation_error", "learning_rate")
    keys = [key for key in told if key in curve[0]]
    rows = [[_cell(entry.get(key)) for key in keys] for entry in curve]
    numbers = details("Every epoch as a table", table([key.replace("_", " ") for key in keys], rows))
    facts = [(name, _cell(training[key])) for key, name in _FACTS.items() if key in training]
    lead = f"{kind.capitalize()} on images held out of the training set, after each epoch. The test set chose nothing."
    body = tag("div", tag("figure", drawn), table(("the training", ""), facts), class_="pair")
    return section("learning", title, body, numbers, lead=lead)


def _epoch(entry: Epoch) -> str:
    judged = f"{entry.judged:.2f} %" if entry.validation_error is None else f"error {entry.judged:.4g}"
    lines = [f"epoch {entry.epoch}", f"validation {judged}"]
    further = (("loss", entry.loss), ("learning rate", entry.learning_rate))
    lines += [f"{name} {value:g}" for name, value in further if value is not None]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:g}" if _is_number(value) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def factors(build: Build) -> Html | None:
    """γ of every hidden layer at the slider's m."""
    if not build.gammas:
        return None
    most = build.network.levels
    rows = []
    for name, by_levels in build.gammas:
        cells = []
        for level in range(most):
            states = [_gamma(by_levels[m - 1], level) for m in build.served]
            cells.append(tag("td", at("span", [{"text": "–" if g is None else f"{g:.4f}"} for g in states])))
        total = max(sum(by_levels[m - 1]) for m in build.served)
        bars = [
            at("i", [{"style": f"--share:{100 * (_gamma(by_levels[m - 1], level) or 0) / total:.2f}%"}
                     for m in build.served])
            for level in range(most)
        ]  # fmt: skip
        rows.append((name, *cells, tag("td", tag("span", *bars, class_="stack"), class_="wide")))
    headings = ("after", *(f"γ{level + 1}" for level in range(most)), words("share of the sum", "th"))
    lead = "Each level adds or subtracts its factor: e = γ1·s1 + … + γm·sm. Factors are those of the exported network."
    return section("factors", "Factors γ", table(headings, rows), lead=lead)


def _gamma(gammas: tuple[float, ...], level: int) -> float | None:
    return gammas[level] if level < len(gammas) else None


def adaptive(build: Build) -> Html | None:
    """Accuracy against mean cycles where clear images get fewer levels; nothing for one level."""
    if len(build.served) < 2:
        return None
    title = "Adaptive levels"
    record = build.get(Adaptive)
    if record is None:
        return section("adaptive", title, missing("adaptive.json", command(build, "adaptive.json"),
                                                  build.unused.get("adaptive.json")))  # fmt: skip
    curve, rungs, chosen = record.curve, record.rungs, record.operating_point
    alone = [(rung.cycles, rung.test_accuracy) for rung in rungs]
    everything = [*((p.test_cycles, p.test_accuracy) for p in curve), *alone]
    best = max(accuracy for _, accuracy in everything)
    near = [point for point in everything if point[1] > best - 5] or everything
    x = Scale(*span([c for c, _ in near], least=1), LEFT, _WIDTH - RIGHT)
    y = Scale(*span([a for _, a in near], least=0.5, most=100), _HEIGHT - BOTTOM, TOP)
    trace = line([(x(c), y(a)) for c, a in sorted(near) if (c, a) not in alone], class_="trace faint")
    points = []
    for rung in rungs:
        cycles, value = rung.cycles, rung.test_accuracy
        if (cycles, value) in near:
            tip = f"all images at m = {rung.levels}\n{value:.2f} %\n{cycles:,} cycles"
            points.append(_point(x(cycles), y(value), str(rung.levels), tip))
    tip = f"chosen on validation images\n{chosen.test_accuracy:.2f} %\n"
    tip += f"{chosen.test_cycles:,.1f} cycles on average"
    points.append(_point(x(chosen.test_cycles), y(chosen.test_accuracy), "", tip, "point small best"))
    drawn = picture(_WIDTH, _HEIGHT, "Accuracy against mean cycles per image", frame(x, y, "mean cycles per image",
                    "test accuracy, %"), trace, *points)  # fmt: skip
    ladder = " → ".join(map(str, record.ladder))
    rows = [
        (f"m = {r.levels} alone", number(r.test_accuracy, 2), number(r.cycles), f"{share:.1f}")
        for r, share in zip(rungs, chosen.test_answered, strict=False)
    ]
    rows.append(("chosen point", number(chosen.test_accuracy, 2), number(chosen.test_cycles, 1), ""))
    headings = ("images run at", "test accuracy, %", "mean cycles", "answered there, %")
    lead = f"Ladder {ladder}: an image whose best score leads by too little runs again at more levels."
    return section("adaptive", title, tag("div", tag("figure", drawn), table(headings, rows), class_="pair"), lead=lead)


def _point(x: float, y: float, name: str, tip: str, kind: str = "point") -> Html:
    """A point that can be hovered over and focused."""
    radius = 5 if "small" in kind else 9
    inner = tag("text", name, text_anchor="middle", y=4) if name else None
    return tag("g", tag("circle", r=radius), inner, class_=kind, transform=f"translate({x:g} {y:g})", tabindex=0,
               role="img", aria_label=tip.replace("\n", ", "), data_tip=tip)  # fmt: skip
