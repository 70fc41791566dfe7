"""Draw docs/pictures/accuracy-against-cycles.svg, the picture of the README, from records that ship.

    .venv/bin/python tools/accuracy_against_cycles.py

Ours: the integer network's accuracy on all test images, from evaluation.json of the zoo, against the cycles of an image
at the folding of the network's text, from training.json; simulation measures the same cycles (tests/test_mnist.py,
tests/test_cifar10.py). The paper's: Table III, 200 MHz over its images a second.

The same bytes for the same records. Colours are variables of the picture's style, which follow the reader's theme.
"""

from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.figure import Figure

from rebnet import zoo
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.ir.notation import parse
from rebnet.records import Evaluation, Training, read
from rebnet.reproduce.published import CLOCK_MHZ, PAPER, of

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "accuracy-against-cycles.svg"
PANELS = {"mnist": ("MNIST, Arch-1", "mnist-arch-1"), "cifar10": ("CIFAR-10, Arch-2", "cifar10-arch-2")}
_COLOURS = {  # what matplotlib is told: its name, in a light and in a dark theme
    "#010101": ("ink", "#1f2328", "#e6edf3"),
    "#020202": ("faint", "#d0d7de", "#3d444d"),
    "#030303": ("card", "#ffffff", "#161b22"),
    "#040404": ("ours", "#0072b2", "#56b4e9"),
    "#050505": ("paper", "#b35900", "#e69f00"),
}
INK, FAINT, CARD, OURS, THEIRS = _COLOURS
_RC = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "svg.fonttype": "none",
    "svg.hashsalt": "rebnet", "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK,
    "ytick.color": INK, "grid.color": FAINT, "axes.facecolor": CARD, "figure.facecolor": CARD, "legend.facecolor": CARD,
    "legend.edgecolor": FAINT,
}  # fmt: skip


class Point(NamedTuple):
    """A network: its levels, cycles per image, and accuracy in percent."""

    levels: int
    cycles: float
    accuracy: float


def ours(name: str) -> list[Point]:
    """The networks `name`-m1, -m2, -m3 of the zoo."""
    points = []
    for levels in (1, 2, 3):
        folder = zoo.folder(f"{name}-m{levels}")
        training, evaluation = read(folder / Training.FILE, Training), read(folder / Evaluation.FILE, Evaluation)
        cycles = bound_cycles(parse(training.network), levels, training.input_bits or 8)
        assert cycles is not None, f"{folder}: its text leaves a folding open"
        points.append(Point(levels, cycles, evaluation.accuracy))
    return points


def papers(dataset: str) -> list[Point]:
    """The same of the paper's Table III."""
    return [
        Point(row.levels, CLOCK_MHZ * 1e6 / row.images_per_second, row.accuracy)
        for row in of(dataset)
        if row.source == PAPER and row.levels and row.images_per_second
    ]


def picture() -> str:
    """The picture, SVG."""
    with rc_context(_RC):
        figure = Figure(figsize=(8.8, 3.3), layout="constrained")
        panels = figure.subplots(1, len(PANELS))
        for axes, (dataset, (title, name)) in zip(panels, PANELS.items(), strict=True):
            _panel(axes, title, ours(name), papers(dataset))
        panels[-1].legend(loc="lower right")
        written = BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return _themed(written.getvalue().decode())


def _panel(axes: Any, title: str, mine: list[Point], theirs: list[Point]) -> None:
    above: dict[str, Any] = {"xytext": (-6, 4), "ha": "right"}
    below: dict[str, Any] = {"xytext": (12, -7), "ha": "center", "va": "top"}
    for points, colour, marker, label, place in (
        (mine, OURS, "o", "rebnet", above),
        (theirs, THEIRS, "s", "the paper's Table III", below),
    ):
        axes.plot([p.cycles for p in points], [p.accuracy for p in points], color=colour, marker=marker, label=label)
        for point in points:
            words = f"M={point.levels}  {point.accuracy:.2f}"
            axes.annotate(words, point[1:], textcoords="offset points", color=colour, **place)
    axes.set_title(title)
    axes.set_xlabel("cycles per image")
    axes.set_ylabel("test accuracy, %")
    axes.margins(y=0.16)
    axes.set_xlim(0, 1.16 * max(point.cycles for point in (*mine, *theirs)))
    axes.grid(visible=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _themed(svg: str) -> str:
    """The picture with its colours as variables, and no reference to a DTD elsewhere."""
    light = "".join(f"--{name}:{light};" for name, light, _ in _COLOURS.values())
    dark = "".join(f"--{name}:{dark};" for name, _, dark in _COLOURS.values())
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme: dark){{svg{{{dark}}}}}</style>"
    for told, (name, usual, _) in _COLOURS.items():
        svg = svg.replace(told, f"var(--{name},{usual})")
    body = svg[svg.index("<svg") :]
    opening, rest = body.split(">", 1)
    lines = f"{opening}>\n {style}{rest}".splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
