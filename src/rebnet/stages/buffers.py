"""Buffers whose depths are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

Depths = Mapping[str, int]
"""Words of each buffer, by its name."""


@dataclass(frozen=True)
class Buffer:
    """A FIFO or line buffer whose depth is chosen.

    Attributes:
        name: of the unit, a dot, and which of its buffers it is.
        bits: of a word.
        least: fewest words with which the unit works at all.
        unit: depths are multiples of it.
        fewest: words with which sizing begins; more than the least where fewer save nothing.
    """

    name: str
    bits: int
    least: int
    unit: int = 1
    fewest: int = 1

    @property
    def shallowest(self) -> int:
        """The least depth that it can have."""
        return -(-self.least // self.unit) * self.unit
