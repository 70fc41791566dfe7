"""`depth_to_space`: pixels that become blocks of pixels, a word a cycle."""

from dataclasses import dataclass
from typing import ClassVar

from rebnet.spec.upsample import Factors
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.features import NodeUnit
from rebnet.stages.module import Module
from rebnet.stages.timing import Timing
from rebnet.stages.upsample import UPSAMPLE, UpsampleUnit


@dataclass(frozen=True)
class DepthToSpaceUnit(NodeUnit):
    """`depth_to_space`: codes or features.

    Attributes:
        name: of the node, and of the instance.
        block: rows of a block, and its columns.
        height: rows of the map that comes.
        width: pixels of a row of it.
        pixel_words: words of a pixel, of those that come and of those that leave.
        lanes: elements of a word that leaves; one that comes has block² as many.
        planes: bits of an element.
        level_width: bits of a level count.
        sets: level counts that are served.
    """

    name: str
    block: int
    height: int
    width: int
    pixel_words: int
    lanes: int
    planes: int
    level_width: int
    sets: int

    timing: ClassVar[Timing] = UPSAMPLE

    @property
    def in_elements(self) -> int:
        """Elements of the words that come."""
        return self.lanes * self.block**2

    @property
    def rows(self) -> UpsampleUnit:
        """The one that it holds, which repeats whole words."""
        return UpsampleUnit(
            f"{self.instance}.rows",
            Factors(self.block, self.block),
            self.height,
            self.width,
            self.pixel_words,
            self.in_elements,
            self.planes,
            self.level_width,
            self.sets,
        )

    @property
    def words(self) -> Buffer:
        """The words of a row, as they come."""
        return self.rows.words

    @property
    def buffers(self) -> tuple[Buffer, ...]:  # type: ignore[override]
        """The one whose depth is chosen."""
        return (self.words,)

    @property
    def cycles(self) -> int:
        """In which an image's words leave."""
        return self.rows.cycles

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        held = self.rows.module(depths).parameters
        parameters = {
            "LANES": self.lanes,
            "PLANES": self.planes,
            "BLOCK": self.block,
            **{name: held[name] for name in ("PIXELS", "WORDS", "SETS", "LEVEL_WIDTH", "DEPTH", "STYLE")},
        }
        return Module("depth_to_space", parameters, self.name)
