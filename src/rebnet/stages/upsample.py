"""`upsample`: pixels and rows of a map that stand several times, a word a cycle."""

from dataclasses import dataclass
from typing import ClassVar

from rebnet.spec.upsample import Factors
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.features import NodeUnit
from rebnet.stages.memories import ram_style
from rebnet.stages.module import Module, quoted
from rebnet.stages.timing import Timing

UPSAMPLE = Timing(2, 4)
"""From reading a word."""


@dataclass(frozen=True)
class UpsampleUnit(NodeUnit):
    """`upsample`: codes or features.

    Attributes:
        name: of the node, and of the instance.
        factors: of both axes.
        height: rows of the map that comes.
        width: pixels of a row of it.
        pixel_words: words of a pixel.
        lanes: elements of a word.
        planes: bits of an element.
        level_width: bits of a level count.
        sets: level counts that are served.
    """

    name: str
    factors: Factors
    height: int
    width: int
    pixel_words: int
    lanes: int
    planes: int
    level_width: int
    sets: int

    timing: ClassVar[Timing] = UPSAMPLE

    @property
    def words(self) -> Buffer:
        """The words of a row, of a pixel where rows stand once: the least that it works with."""
        least = self.pixel_words * (self.width if self.factors.rows > 1 else 1)
        return Buffer(self.instance, self.out_bits, least)

    @property
    def buffers(self) -> tuple[Buffer, ...]:  # type: ignore[override]
        """The one whose depth is chosen."""
        return (self.words,)

    @property
    def cycles(self) -> int:
        """In which an image's words leave."""
        return self.height * self.width * self.pixel_words * self.factors.rows * self.factors.columns

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        depth = depths[self.words.name]
        parameters = {
            "WIDTH": self.out_bits,
            "ROWS": self.factors.rows,
            "COLUMNS": self.factors.columns,
            "PIXELS": self.width,
            "WORDS": self.pixel_words,
            "SETS": self.sets,
            "LEVEL_WIDTH": self.level_width,
            "DEPTH": depth,
            "STYLE": quoted(ram_style(self.out_bits + (self.level_width if self.sets > 1 else 0), depth)),
        }
        return Module("upsample", parameters, self.name)
