"""Charts as inline SVG: scales, ticks and the frame that they share. All lengths are user units of the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rebnet.report.html import Html, tag

LEFT, RIGHT, TOP, BOTTOM = 54, 16, 14, 40
"""Room around the plot for the names of ticks and axes."""


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high` onto lengths from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The length of a number, to a tenth."""
        low, high, value = (math.log(v) if self.is_log else v for v in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round numbers between the ends: 1, 2 and 5 times powers of ten on a logarithmic scale."""
        if not self.is_log:
            return _linear_ticks(self.low, self.high)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors: tuple[int, ...] = (1, 2, 5) if math.log10(self.high / self.low) < 3 else (1,)
        marks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [mark for mark in marks if self.low <= mark <= self.high]
        return inside if len(inside) > 1 else _linear_ticks(self.low, self.high)


def _linear_ticks(low: float, high: float) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def span(values: Sequence[float], *, least: float, margin: float = 0.12, most: float = math.inf) -> tuple[float, float]:
    """Ends of an axis around values, at least `least` apart and not beyond `most`."""
    low, high = min(values), max(values)
    room = max((high - low) * margin, (least - (high - low)) / 2)
    return low - room, min(high + room, most) if high < most else most + room * 0.3


def log_span(values: Sequence[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis around values, at least a factor of 3 apart."""
    low, high = min(values), max(values)
    room = max((high / low) ** 0.12, math.sqrt(max(3 / (high / low), 1)), 1.15)
    return low / room, high * room


def short(value: float) -> str:
    """A number of an axis: 200k, 1.5M, 98.5."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and letter == "M"):
            return f"{value / size:g}{letter}"
    return f"{value:,g}" if abs(value) < 1e4 else f"{value:,.0f}"


def frame(x: Scale, y: Scale, x_name: str, y_name: str) -> Html:
    """Grid lines, ticks and names of both axes."""
    parts = []
    for value in x.ticks:
        place = x(value)
        parts.append(tag("line", x1=place, x2=place, y1=y.end, y2=y.start, class_="grid"))
        parts.append(tag("text", short(value), x=place, y=y.start + 15, text_anchor="middle"))
    for value in y.ticks:
        place = y(value)
        parts.append(tag("line", x1=x.start, x2=x.end, y1=place, y2=place, class_="grid"))
        parts.append(tag("text", short(value), x=x.start - 7, y=place + 3.5, text_anchor="end"))
    parts.append(tag("text", x_name, x=(x.start + x.end) / 2, y=y.start + 33, text_anchor="middle", class_="axis"))
    middle = (y.start + y.end) / 2
    turned = f"rotate(-90 12 {middle})"
    parts.append(tag("text", y_name, x=12, y=middle, text_anchor="middle", class_="axis", transform=turned))
    parts.append(tag("path", d=f"M{x.start} {y.end}V{y.start}H{x.end}", class_="frame"))
    return tag("g", *parts, aria_hidden="true")


def line(points: Sequence[tuple[float, float]], **attributes: object) -> Html:
    """Points, already lengths, joined."""
    return tag("path", d=path(points), fill="none", **attributes)


def path(points: Sequence[tuple[float, float]]) -> str:
    """The outline of joined points; empty where there are fewer than two."""
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in points) if len(points) > 1 else ""


def steps(points: Sequence[tuple[float, float]]) -> str:
    """The outline of a front through these points: what lies on its other side is beaten by one of them."""
    first, *rest = points or [(0.0, 0.0)]
    return f"M{first[0]:g} {first[1]:g}" + "".join(f"V{y:g}H{x:g}" for x, y in rest) if rest else ""


def picture(width: int, height: int, title: str, *children: Html | None) -> Html:
    """An SVG as wide as its place, with a name for those who do not see it."""
    return tag("svg", *children, viewBox=f"0 0 {width} {height}", role="group", aria_label=title, class_="chart")
