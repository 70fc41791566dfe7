"""Pictures with matplotlib: no display, the same bytes for the same numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rebnet.errors import MissingExtraError
from rebnet.reproduce.published import CLOCK_MHZ

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""One for each number of levels, M = 1 first; distinguishable with colour blindness (Okabe and Ito)."""
GREY = "#666666"
_STYLE: dict[Any, dict[str, Any]] = {
    "axes": {"grid": True, "spines.right": False, "spines.top": False, "titlesize": 11},
    "font": {"family": "DejaVu Sans", "size": 9},  # comes with matplotlib
    "grid": {"alpha": 0.3},
    "legend": {"fontsize": 8, "framealpha": 0.9},
    "svg": {"hashsalt": "rebnet"},
}
_METADATA: dict[str, dict[str, Any]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}

Draw = Callable[["Canvas"], None]


def check_matplotlib() -> None:
    """Raise `MissingExtraError` unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401 - only asks whether it is there
    except ImportError:
        raise MissingExtraError(
            "pictures are drawn with matplotlib, which is not installed; run pip install 'rebnet[reproduce]'"
        ) from None


def render(draw: Draw, width: float, height: float) -> dict[str, bytes]:
    """The picture as files, by suffix: svg and png.

    Args:
        draw: puts everything onto an empty canvas.
        width: inches.
        height: inches.
    """
    with _style():
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas(figsize=(width, height), layout="constrained")
        draw(canvas)
        return {kind: _bytes(canvas, kind) for kind in _METADATA}


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import rc, rc_context, rcdefaults

    with rc_context():
        rcdefaults()  # a user's matplotlibrc changes nothing
        for group, settings in _STYLE.items():
            rc(group, **settings)
        yield


def _bytes(canvas: "Canvas", kind: str) -> bytes:
    buffer = BytesIO()
    canvas.savefig(buffer, format=kind, dpi=150, metadata=_METADATA[kind])
    return buffer.getvalue()


def color(levels: int) -> str:
    """The colour of M levels."""
    return COLORS[(levels - 1) % len(COLORS)]


class Place(NamedTuple):
    """Where the name of a point stands, in typographic points from it."""

    offset: tuple[float, float]
    align: Literal["center", "left"]


ABOVE = Place((0, 7), "center")
BESIDE = Place((6, -10), "left")


def name_point(axes: "Axes", name: str, point: tuple[float, float], place: Place, color: str) -> None:
    """Write a name at a point."""
    axes.annotate(name, point, place.offset, textcoords="offset points", ha=place.align, color=color, fontsize=8)


def log_images_per_second(axes: "Axes") -> None:
    """A logarithmic axis of images/s with plain numbers at 1, 2, 3 and 5 times each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"images/s at {CLOCK_MHZ} MHz (ours: assumed)")
