"""Upsample by whole factors, to the nearest: every place of a map becomes a block of places."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True)
class Factors:
    """How often each row of a map stands, and each place of a row."""

    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


def upsample(maps: NDArray[Element], factors: Factors) -> NDArray[Element]:
    """Every row `factors.rows` times, and every place of it `factors.columns` times.

    Args:
        maps: shape (*S, height, width, channels), of codes or features.
        factors: of both axes.

    Returns:
        Shape (*S, height·rows, width·columns, channels); y, x is y // rows, x // columns of the map.
    """
    return maps.repeat(factors.rows, axis=-3).repeat(factors.columns, axis=-2)
