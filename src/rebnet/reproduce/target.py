"""What every table and figure is made from, and what it is made into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rebnet.reproduce.picture import Draw
from rebnet.reproduce.records import Run
from rebnet.reproduce.table import Table

Row = dict[str, Any]
"""A row, point or pair as NAME.json holds it."""


@dataclass(frozen=True)
class Reproduction:
    """A table or figure of the paper, made again.

    Attributes:
        record: what NAME.json holds: every number with its origin.
        table: what the terminal and NAME.md show.
        draw: puts the picture onto a canvas.
        size: width and height of the picture, inches.
    """

    record: Row
    table: Table
    draw: Draw
    size: tuple[float, float]


Make = Callable[[Sequence[Run], str | None], Reproduction]
"""Makes a table or figure from runs and the one data set that was asked for, if any."""
