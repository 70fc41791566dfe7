"""The page of a sweep: every point of a study in one table, and its builds as `rebnet report` compares them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rebnet.records.sweep import Figures, Point, Sweep
from rebnet.report.html import Child, Html, number, table, tag, words
from rebnet.report.page import masthead, navigation, page, section
from rebnet.report.records import read_build
from rebnet.report.sweep import Asked, sweep_page

POINTS = "points"
_NETWORK = "network.json"


@dataclass(frozen=True)
class _Column:
    """A figure of the table; `best` of all its values, None where none is."""

    name: str
    key: str
    places: int
    best: Callable[[list[float]], float] | None

    def value(self, figures: Figures) -> float | None:
        """The figure of a point."""
        value = getattr(figures, self.key)
        return None if value is None else float(value)


_COLUMNS = (
    _Column("float accuracy, %", "float_accuracy", 2, max),
    _Column("accuracy, %", "accuracy", 2, max),
    _Column("RTL accuracy, %", "rtl_accuracy", 2, max),
    _Column("float error", "float_error", 4, min),
    _Column("error", "error", 4, min),
    _Column("RTL error", "rtl_error", 4, min),
    _Column("mismatches", "mismatches", 0, None),
    _Column("cycles/image, model", "predicted_cycles_per_image", 1, min),
    _Column("cycles/image, RTL", "cycles_per_image", 1, min),
    _Column("LUT predicted", "predicted_lut", 0, min),
    _Column("LUT synthesised", "LUT", 0, min),
    _Column("BRAM", "BRAM", 1, min),
    _Column("DSP", "DSP", 0, min),
    _Column("seconds", "seconds", 1, None),
)


def study_page(record: Sweep, folder: Path) -> str:
    """The page of a sweep, as HTML.

    Args:
        record: its record.
        folder: where its builds are, in points/.
    """
    builds = [
        replace(read_build(folder / POINTS / point.name), name=f"{POINTS}/{point.name}")
        for point in record.points
        if (folder / POINTS / point.name / _NETWORK).is_file()
    ]
    done, broken = (sum(point.state == state for point in record.points) for state in ("done", "broken"))
    title = f"{record.study}: {len(record.points)} points"
    below = f"{done} done" + f", {broken} broken" * bool(broken) + _rest(len(record.points) - done - broken)
    asked = Asked("rebnet sweep", title, below, section("points", "Every point", *_points(record), lead=_lead(record)))
    return sweep_page(builds, asked) if builds else _without_builds(asked)


def _rest(count: int) -> str:
    return f", {count} still to do" if count else ""


def _without_builds(asked: Asked) -> str:
    header = masthead(asked.above, asked.title, asked.below, navigation((("points", "Every point"),)))
    return page(asked.title, header, [asked.first])


def _lead(record: Sweep) -> str:
    axes = ", ".join(record.varied) or "nothing"
    return (
        f"Points differ in {axes}. In colour: the best of each column. The folder of a point, in points/, is a build "
        "with all its records. Seconds are those of all its steps, of shared ones too."
    )


def _points(record: Sweep) -> list[Html]:
    columns = [one for one in _COLUMNS if any(one.value(point.figures) is not None for point in record.points)]
    best = {one.key: _best(one, record.points) for one in columns}
    texts = {name for point in record.points for name, value in point.coordinates.items() if isinstance(value, str)}
    varied = [words(name, "th") if name in texts else tag("th", name, scope="col") for name in record.varied]
    headings: list[Child] = [words("point", "th"), *varied, "state", *(one.name for one in columns)]
    rows = [
        [
            str(place),
            *(_word(point.coordinates, name) for name in record.varied),
            point.state,
            *(_cell(one, point, best[one.key]) for one in columns),
        ]
        for place, point in enumerate(record.points, start=1)
    ]
    errors: dict[str, list[str]] = {}
    for place, point in enumerate(record.points, start=1):
        if point.error:
            errors.setdefault(point.error, []).append(str(place))
    broken = [
        tag("p", f"Point{'s' * (len(places) > 1)} {', '.join(places)}: {error}", class_="alert")
        for error, places in errors.items()
    ]
    return [*broken, table(headings, rows, id="points-table")]


def _best(column: _Column, points: tuple[Point, ...]) -> float | None:
    """The best value of a column where values differ."""
    values = [value for point in points if (value := column.value(point.figures)) is not None]
    return column.best(values) if column.best and len(set(values)) > 1 else None


def _cell(column: _Column, point: Point, best: float | None) -> Html:
    value = column.value(point.figures)
    is_best = best is not None and value == best
    return tag("td", number(value, column.places), class_="best" if is_best else None)


def _word(coordinates: Mapping[str, object], name: str) -> Html:
    """A coordinate; a long one, as the text of a network, may be folded."""
    value = coordinates.get(name, "–")
    text = (
        str(value).lower() if isinstance(value, bool) else f"{value:,.10g}" if isinstance(value, float) else str(value)
    )
    return words(text) if isinstance(value, str) else tag("td", text)
