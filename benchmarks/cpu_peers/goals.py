"""What was reached, the ratios that matter, and what they should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cpu_peers.with_rebnet import INSIDE

BEST, INT8, FUNCTION = "best of others", "best int8 of others", "same function in fp32"


@dataclass(frozen=True)
class Cell:
    """One condition: everyone in it is compared with everyone."""

    network: str
    batch: int
    threads: int

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.network}, batch {self.batch}, {self.threads} thread{'s' if self.threads > 1 else ''}"


@dataclass(frozen=True)
class Figure:
    """A contestant's µs an image; `levels` is None for a ReLU network."""

    library: str
    precision: str
    kind: str
    levels: int | None
    us: float

    @property
    def name(self) -> str:
        """Library, precision and network."""
        return f"{self.library} {self.precision}, {'ReLU' if self.levels is None else f'M={self.levels}'}"


def ours(figures: Sequence[Figure], levels: int, precision: str = "integer") -> Figure | None:
    """Our figure at so many levels."""
    found = [f for f in figures if (f.library, f.precision, f.levels) == ("rebnet", precision, levels)]
    return found[0] if found else None


def rival(figures: Sequence[Figure], levels: int, against: str) -> Figure | None:
    """The fastest of others that run the same function or ReLU, ReLU in int8, or the same function alone."""
    others = [f for f in figures if f.library != "rebnet" and f.levels in {levels, None}]
    if against == INT8:
        others = [f for f in others if f.precision == "int8"]
    elif against == FUNCTION:
        others = [f for f in others if f.kind == "function" and f.precision == "fp32"]
    return min(others, key=lambda f: f.us, default=None)


def ratios(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """How many times as fast as others ours is, at every level count that ran."""
    found = []
    for levels in sorted({f.levels for f in figures if f.library == "rebnet" and f.levels is not None}):
        for against in (BEST, INT8, FUNCTION):
            own, other = ours(figures, levels), rival(figures, levels, against)
            if own is not None and other is not None:
                ratio = round(other.us / own.us, 3)
                found.append({"levels": levels, "against": against, "peer": other.name, "ratio": ratio})
    return found


@dataclass(frozen=True)
class Goal:
    """How many times as fast as others ours should be at least in a cell, at M levels."""

    cell: Cell
    levels: int
    against: str
    least: float

    def judge(self, figures: Sequence[Figure]) -> dict[str, Any]:
        """What was reached."""
        own, other = ours(figures, self.levels), rival(figures, self.levels, self.against)
        reached = None if own is None or other is None else other.us / own.us
        return {
            "name": f"{self.cell.title}, M={self.levels} / {self.against}",
            "goal": f"at least {self.least:g}",
            "reached": None if reached is None else round(reached, 3),
            "met": None if reached is None else reached >= self.least,
        }


@dataclass(frozen=True)
class TimeGoal:
    """How many µs an image may take inside the library, alone, at M levels."""

    cell: Cell
    levels: int
    most_us: float

    def judge(self, figures: Sequence[Figure]) -> dict[str, Any]:
        """What was reached."""
        own = ours(figures, self.levels, INSIDE)
        return {
            "name": f"{self.cell.title}, M={self.levels}, {INSIDE}, µs",
            "goal": f"at most {self.most_us:g}",
            "reached": None if own is None else round(own.us, 3),
            "met": None if own is None else own.us <= self.most_us,
        }


GOALS: tuple[Goal | TimeGoal, ...] = (
    Goal(Cell("arch-2", 1, 1), 1, INT8, 2.5),
    Goal(Cell("arch-2", 1, 1), 3, INT8, 2.0),
    *(Goal(Cell("arch-2", 128, threads), 1, INT8, 1.5) for threads in (1, 2)),
    *(Goal(Cell("arch-2", 128, threads), 3, INT8, 1.25) for threads in (1, 2)),
    *(
        Goal(Cell("arch-2", batch, threads), levels, FUNCTION, 15.0)
        for batch in (1, 128)
        for threads in (1, 2)
        for levels in (1, 2, 3)
    ),
    *(Goal(Cell("arch-1", 128, threads), levels, BEST, 5.0) for threads in (1, 2) for levels in (1, 2, 3)),
    TimeGoal(Cell("arch-1", 1, 1), 1, 1.0),
)
