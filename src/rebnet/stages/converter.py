"""`width_converter`: vectors, cut anew."""

from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.module import Module
from rebnet.stages.numbers import Count


@dataclass(frozen=True)
class Converter(Generic[Count]):
    """A width converter: vectors of `vector` elements, from words of `elements_in` to words of `elements_out`.

    `elements_out` may be an array: as many converters.
    """

    name: str
    planes: int
    elements_in: int
    elements_out: Count
    vector: int
    level_width: int = 1

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return self.name

    @property
    def unit(self) -> Count:
        """Elements that always travel together."""
        found: Any = np.gcd(self.elements_in, self.elements_out)
        unit: Count = found
        return unit

    @property
    def in_units(self) -> Count:
        """Units in an input word."""
        return self.elements_in // self.unit

    @property
    def out_units(self) -> Count:
        """Units in an output word."""
        return self.elements_out // self.unit

    @property
    def ready_units(self) -> Count:
        """The converter takes a word while it holds fewer units.

        That is as many as keep both sides moving. A vector's last word that crosses the end of an output word makes
        two of it at once, and the next vector must come in while both are there.
        """
        last_position = (self.in_words - 1) * self.in_units % self.out_units
        crosses = (self.in_units < self.out_units) & (last_position + self.last_units > self.out_units)
        more: Any = np.where(crosses, self.out_units + 1, np.minimum(self.in_units, self.out_units))
        ready: Count = self.out_units + more
        return ready

    @property
    def in_words(self) -> int:
        """Input words of a vector."""
        return -(-self.vector // self.elements_in)

    @property
    def last_units(self) -> Count:
        """Units of a vector's last input word that hold elements of it."""
        return -(-(self.vector - (self.in_words - 1) * self.elements_in) // self.unit)

    @property
    def out_words(self) -> Count:
        """Output words of a vector."""
        return -(-self.vector // self.elements_out)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """None whose depth is chosen."""
        return ()

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        parameters = {
            "IN": self.elements_in,
            "OUT": self.elements_out,
            "PLANES": self.planes,
            "VECTOR": self.vector,
            "LEVEL_WIDTH": self.level_width,
        }
        return Module("width_converter", parameters, self.name)

    @property
    def out_bits(self) -> Count:
        """Bits of the words that leave."""
        return self.planes * self.elements_out
