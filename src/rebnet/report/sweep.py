"""The page of several builds: accuracy, throughput and logic of each, what nothing beats, at any number of levels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rebnet.records import Evaluation, Folding, Simulation, Synthesis
from rebnet.report.accelerator import heading
from rebnet.report.chart import BOTTOM, LEFT, RIGHT, TOP, Scale, frame, log_span, picture, span, steps
from rebnet.report.commands import command, ladder_command
from rebnet.report.html import Html, number, tag
from rebnet.report.operating import CLOCK_MHZ, Operating, bram, front, lanes, operating, resources
from rebnet.report.page import at, badge, details, masthead, navigation, page, readout, section, slider
from rebnet.report.provenance import versions
from rebnet.report.records import Build

_WIDTH, _HEIGHT = 520, 380
_SECTIONS = (
    ("trade", "The trade"),
    ("builds", "Every build"),
    ("gaps", "What is not known"),
    ("origin", "Provenance"),
)
_NEAR = 6
"""Points of accuracy below the best that the chart shows to scale also where a build runs below its own M."""


@dataclass(frozen=True)
class _Row:
    """A build and what it does at each position of the slider."""

    build: Build
    points: tuple[Operating, ...]
    area: float | None
    is_synthesised: bool


@dataclass(frozen=True)
class _Axis:
    """One coordinate of a chart: how it is named and read off; larger is better unless `is_cost`."""

    name: str
    read: Callable[[_Row, Operating], float | None]
    is_log: bool
    is_cost: bool = False


@dataclass(frozen=True)
class Asked:
    """What a study that asked for the builds adds: words of the masthead, and its own section, the first."""

    above: str
    title: str
    below: str
    first: Html


def sweep_page(builds: Sequence[Build], asked: Asked | None = None) -> str:
    """The whole page, as HTML; of builds that a study asked for, with what that adds."""
    most = max(build.network.levels for build in builds)
    positions = tuple(range(1, most + 1))
    has_logic = all(resources(build) is not None for build in builds)
    rows = [_row(build, positions, has_logic) for build in builds]
    area_name = "LUT" if has_logic else "XNOR lanes"
    accuracy = _Axis("test accuracy, %", lambda _, p: p.accuracy.value if p.accuracy else None, is_log=False)
    rate = _Axis(f"images/s at an assumed {CLOCK_MHZ} MHz", lambda _, p: p.images_per_second, is_log=True)
    area = _Axis(area_name, lambda row, _: row.area, is_log=True, is_cost=True)
    speed, best_speed = _chart("speed", "Accuracy against throughput", rate, accuracy, rows, positions)
    logic, best_logic = _chart("logic", f"Throughput against {area_name}", area, rate, rows, positions)
    header = masthead(
        asked.above if asked else "rebnet report / sweep",
        asked.title if asked else _title(builds, most),
        asked.below if asked else ", ".join(build.name for build in builds),
        *_alerts(builds),
        _readouts(rows, positions, area_name),
        navigation((("points", "Every point"), *_SECTIONS) if asked else _SECTIONS),
    )
    states = ["every accelerator at its own M" if m == most else f"images at {m} level{'s' * (m > 1)} at most"
              for m in positions]  # fmt: skip
    control = slider(positions, "Levels at most", states)
    lead = (
        "A marker is a build, its numeral the levels it runs at. In colour: the Pareto front, the builds that no "
        "other beats on both axes. Hover or tab to a marker for its figures."
    )
    if not has_logic:
        lead += " Logic is shown as XNOR lanes, because not every build has its LUTs counted or predicted."
    size = _chart("size", f"Accuracy against {area_name}", area, accuracy, rows, positions)[0] if asked else None
    parts = [
        *([asked.first] if asked else []),
        section("trade", "The trade", tag("div", speed, logic, size, class_="pair"), lead=lead),
        section("builds", "Every build", _table(rows, positions, best_speed, best_logic), lead=_note(rows)),
        section("gaps", "What is not known", *_gaps(rows)),
        section("origin", "Provenance", _origin(builds)),
    ]
    return page(
        asked.title if asked else f"{len(builds)} accelerators", header, [*([control] if control else []), *parts]
    )


def _title(builds: Sequence[Build], most: int) -> str:
    datasets = dict.fromkeys(build.dataset for build in builds if build.dataset)
    of = "" if len(datasets) != 1 else f"{heading(builds[0]).split(', M')[0]}, "
    return f"{len(builds)} accelerators, {of}" + (f"M up to {most}" if most > 1 else "M = 1")


def _row(build: Build, positions: Sequence[int], has_logic: bool) -> _Row:
    points = []
    for m in positions:
        levels = max((served for served in build.served if served <= m), default=None)
        points.append(Operating(m, None, None) if levels is None else operating(build, levels))
    used = resources(build)
    area = float(used.used["LUT"]) if used and has_logic else lanes(build)
    return _Row(build, tuple(points), area, bool(used and used.is_measured))


def _alerts(builds: Sequence[Build]) -> list[Html]:
    found = []
    for build in builds:
        simulation = build.get(Simulation)
        if simulation is not None and simulation.mismatches:
            wrong = f"{simulation.mismatches:,} mismatches in simulation"
            found.append(f"{build.name}: {wrong}; it computes something else.")
        found += [f"{build.name}: {file} {reason}; it is not used." for file, reason in build.unused.items()]
    return [tag("p", words, class_="alert") for words in found]


def _readouts(rows: Sequence[_Row], positions: Sequence[int], area_name: str) -> Html:
    """The best build in each figure at each position of the slider."""
    best: dict[str, list[tuple[str, str]]] = {"accurate": [], "fast": [], "small": []}
    for position in range(len(positions)):
        able = [(row, row.points[position]) for row in rows if row.points[position].cycles]
        right = [(p.accuracy.value, -place) for place, (_, p) in enumerate(able) if p.accuracy]
        fast = [(p.images_per_second or 0, -place) for place, (_, p) in enumerate(able)]
        small = [(-row.area, -place) for place, (row, _) in enumerate(able) if row.area is not None]
        for key, found, shown in (
            ("accurate", right, "{:.2f}"),
            ("fast", fast, "{:,.0f}"),
            ("small", small, "{:,.0f}"),
        ):
            value, place = max(found, default=(0.0, 1))
            words = (shown.format(abs(value)), able[-place][0].build.name) if found else ("–", "no build says")
            best[key].append(words)

    def show(name: str, key: str, unit: str) -> Html:
        value = at("span", [{"text": value} for value, _ in best[key]])
        return readout(name, value, unit, at("span", [{"text": build} for _, build in best[key]]))

    parts = (
        show("Most accurate", "accurate", "%"),
        show("Fastest", "fast", f"images/s at an assumed {CLOCK_MHZ} MHz"),
        show("Least logic", "small", area_name),
    )
    return tag("dl", *parts, class_="readouts")


def _chart(
    name: str, title: str, x_axis: _Axis, y_axis: _Axis, rows: Sequence[_Row], positions: Sequence[int]
) -> tuple[Html, list[list[int]]]:
    """A scatter of all builds whose front follows the slider; and the builds on the front at each position."""
    values = [[_place(row, point, x_axis, y_axis) for point in row.points] for row in rows]
    known = [place for of_row in values for place in of_row if place is not None]
    if not known:
        words = tag("p", "No build has both figures yet.")
        return tag("figure", tag("figcaption", title), tag("div", words, class_="missing")), [[] for _ in positions]
    own = [of_row[-1] for of_row in values if of_row[-1] is not None]
    x, y = (
        _scale(axis, [place[which] for place in known], [place[which] for place in own], which)
        for which, axis in enumerate((x_axis, y_axis))
    )
    fronts = []
    outlines: list[dict[str, object]] = []
    for position in range(len(positions)):
        now = [of_row[position] for of_row in values]
        best = front([None if place is None else _gain(place, x_axis, y_axis) for place in now])
        fronts.append(best)
        outlines.append(
            {"d": steps([(x(a), y(max(b, y.low))) for place in best for a, b in [now[place] or (0, 0)]]) or None}
        )
    marks = [at("path", outlines, class_="front", fill="none")]
    order = sorted(range(len(rows)), key=lambda place: -rows[place].build.network.levels)
    for which in order:
        row = rows[which]
        states = []
        for position, point in enumerate(row.points):
            place = values[which][position]
            same = [r.build.name for r, v in zip(rows, values, strict=True) if r is not row and v[position] == place]
            states.append(_state(row, point, place, x, y, same, which in fronts[position]))
        numerals = [
            {"text": f"{point.levels}{'↓' * (place is not None and place[1] < y.low)}"}
            for point, place in zip(row.points, values[which], strict=True)
        ]
        numeral = at("text", numerals, text_anchor="middle", y=4)
        group = at("g", states, tabindex=0, role="img", data_build=which)
        marks.append(Html(group.replace("</g>", f"{tag('circle', r=10)}{numeral}</g>")))
    drawn = picture(_WIDTH, _HEIGHT, title, frame(x, y, x_axis.name, y_axis.name), *marks)
    better = "up and to the right is better" if not x_axis.is_cost else "up and to the left is better"
    return tag("figure", tag("figcaption", title, " ", tag("span", better)), drawn, id=name), fronts


def _place(row: _Row, point: Operating, x_axis: _Axis, y_axis: _Axis) -> tuple[float, float] | None:
    if point.cycles is None and point.accuracy is None:
        return None
    a, b = x_axis.read(row, point), y_axis.read(row, point)
    return None if a is None or b is None else (a, b)


def _gain(place: tuple[float, float], x_axis: _Axis, y_axis: _Axis) -> tuple[float, float]:
    return -place[0] if x_axis.is_cost else place[0], -place[1] if y_axis.is_cost else place[1]


def _scale(axis: _Axis, values: list[float], own: list[float], which: int) -> Scale:
    """The axis around all values; of accuracies around those at each build's own M and those near the best."""
    least = min([max(values) - _NEAR, *own])
    near = [value for value in values if axis.is_log or value >= least]
    ends = log_span(near) if axis.is_log else span(near, least=1, most=100)
    start, end = ((LEFT, _WIDTH - RIGHT), (_HEIGHT - BOTTOM, TOP))[which]
    return Scale(*ends, start, end, axis.is_log)


def _state(
    row: _Row,
    point: Operating,
    place: tuple[float, float] | None,
    x: Scale,
    y: Scale,
    same: Sequence[str],
    is_best: bool,
) -> dict[str, object]:
    """Attributes of a marker at one position of the slider."""
    if place is None:
        return {"class": "point", "transform": None, "display": "none", "data-tip": None, "aria-label": None}
    is_model = not (point.accuracy and point.accuracy.is_measured and point.cycles and point.cycles.is_measured)
    tip = "\n".join((_tip(row, point), *(f"at the same place: {name}" for name in same)))
    return {
        "class": f"point{' model' * is_model}{' best' * is_best}",
        "transform": f"translate({x(place[0]):g} {y(max(place[1], y.low)):g})",
        "display": None,
        "data-tip": tip,
        "aria-label": tip.replace("\n", ", "),
    }


def _tip(row: _Row, point: Operating) -> str:
    lines = [f"{row.build.name}, m = {point.levels} of {row.build.network.levels}"]
    if point.accuracy:
        lines.append(f"{point.accuracy.value:.2f} %, {point.accuracy.origin}")
    if point.cycles:
        lines.append(f"{number(point.images_per_second)} images/s")
        lines.append(f"{point.cycles.value:,.5g} cycles, {point.cycles.origin}")
    used = resources(row.build)
    if used:
        lines.append(f"{number(used.used['LUT'])} LUT, {used.origin}")
    count = lanes(row.build)
    if count:
        lines.append(f"{count:,} XNOR lanes")
    return "\n".join(lines)


def _table(
    rows: Sequence[_Row], positions: Sequence[int], best_speed: list[list[int]], best_logic: list[list[int]]
) -> Html:
    names = ("build", "M", "m", "accuracy, %", "network", "images/s", "cycles/image", "from", "front", "XNOR lanes",
             "LUT predicted", "LUT synthesised", "BRAM", "DSP")  # fmt: skip
    head = tag("tr", *(tag("th", name, scope="col", role="columnheader") for name in names), role="row")
    body = []
    for place, row in enumerate(rows):
        points = row.points
        used = resources(row.build)
        is_measured = bool(used and used.is_measured)
        fronts = [
            " + ".join(word for word, best in (("speed", best_speed), ("logic", best_logic)) if place in best[position])
            for position in range(len(positions))
        ]
        predicted = number(used.used["LUT"]) if used and not is_measured else "–"
        counted = number(used.used["LUT"]) if used and is_measured else "–"
        cells = (
            tag("td", row.build.network.levels),
            _cell([str(point.levels) if point.cycles or point.accuracy else "–" for point in points]),
            _cell([number(p.accuracy.value, 2) if p.accuracy else "–" for p in points], class_="key"),
            _cell([p.accuracy.origin.split(" network")[0] if p.accuracy else "" for p in points]),
            _cell([number(p.images_per_second) for p in points], class_="key"),
            _cell([f"{p.cycles.value:,.6g}" if p.cycles else "–" for p in points]),
            _cell([_short(p) for p in points]),
            _cell(fronts, class_="mark"),
            tag("td", number(lanes(row.build))),
            tag("td", predicted),
            tag("td", counted),
            tag("td", f"{bram(used.used):g}" if used else "–"),
            tag("td", number(used.used["DSP"]) if used else "–"),
        )
        named = tag("th", row.build.name, scope="row", role="rowheader")
        labelled = (_labelled(cell, name) for cell, name in zip(cells, names[1:], strict=True))
        body.append(tag("tr", named, *labelled, data_build=place, role="row"))
    groups = (tag("thead", head, role="rowgroup"), tag("tbody", *body, role="rowgroup"))
    shown = tag("table", *groups, id="figures", role="table")
    return tag("div", shown, class_="scroll")


def _labelled(cell: Html, name: str) -> Html:
    """A cell that says its column itself where the table becomes cards, on narrow screens."""
    extra = Html(tag("td", role="cell", data_label=name)[len("<td") : -len("></td>")])
    return Html(cell.replace("<td", f"<td{extra}", 1))


def _cell(texts: Sequence[str], **attributes: object) -> Html:
    return tag("td", at("span", [{"text": text} for text in texts]), **attributes)


def _short(point: Operating) -> str:
    if point.cycles is None:
        return ""
    return "RTL" if point.cycles.is_measured else point.cycles.origin.split(" of ")[0]


def _note(rows: Sequence[_Row]) -> Html:
    measured = badge("solid: measured", is_measured=True)
    model = badge("dashed: accuracy or cycles from a model", is_measured=False)
    count = sum(row.is_synthesised for row in rows)
    return tag("span", measured, " ", model, f" {count} of {len(rows)} builds are synthesised.")


def _gaps(rows: Sequence[_Row]) -> list[Html]:
    """Commands that fill what is missing."""
    wanted = []
    for row in rows:
        wanted += [
            command(row.build, form.FILE)
            for form in (Folding, Evaluation, Simulation, Synthesis)
            if row.build.get(form) is None
        ]
        known = {point.levels for point in row.points if point.accuracy}
        open_levels = [m for m in row.build.served if m not in known]
        if open_levels and row.build.get(Evaluation) is not None:
            wanted.append(ladder_command(row.build, row.build.served))
    if not wanted:
        return [tag("p", "Every build is evaluated, simulated and synthesised.")]
    words = tag("p", f"{len(wanted)} commands fill what is shown as a dash, or as a model's figure:")
    return [words, tag("pre", tag("code", "\n".join(dict.fromkeys(wanted))))]


def _origin(builds: Sequence[Build]) -> Html:
    rows = []
    for build in builds:
        for file, digest in build.hashes.items():
            rows.append(tag("tr", tag("th", f"{build.name}/{file}", scope="row"),
                            tag("td", tag("code", digest, class_="hash"), class_="words")))  # fmt: skip
    inner = tag("div", tag("table", tag("tbody", *rows)), class_="scroll")
    return tag("div", tag("p", versions(builds)), details("SHA-256 of every record", inner))
