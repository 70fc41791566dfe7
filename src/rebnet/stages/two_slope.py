"""`two_slope`: features bent where they are negative, a word a cycle."""

from dataclasses import dataclass

from rebnet.stages.buffers import Depths
from rebnet.stages.features import NodeUnit
from rebnet.stages.memories import Rom, rom_style
from rebnet.stages.module import Module, quoted
from rebnet.stages.timing import Timing

TWO_SLOPE = Timing(5, 8)
"""With constants in tables."""


@dataclass(frozen=True)
class TwoSlopeUnit(NodeUnit):
    """`two_slope`: features bent where they are negative.

    Attributes:
        name: of the node, and of the instance.
        rows: channels.
        lanes: elements of a word.
        words: of an image.
        level_width: bits of a level count.
        planes: bits of a feature that comes.
        planes_out: bits of one that leaves.
        sum_width: bits of y, signed.
        slope_width: bits of S_c, signed.
        shift: s.
    """

    name: str
    rows: int
    lanes: int
    words: int
    level_width: int
    planes: int
    planes_out: int
    sum_width: int
    slope_width: int
    shift: int

    @property
    def rom(self) -> Rom:
        """The memory of constants."""
        width, depth = self.lanes * (self.planes_out + self.sum_width + self.slope_width), -(-self.rows // self.lanes)
        return Rom(width, depth, rom_style(width, depth))

    @property
    def timing(self) -> Timing:
        """Latency, and places of the output."""
        return TWO_SLOPE.behind(self.rom)

    @property
    def cycles(self) -> int:
        """In which an image's words are taken."""
        return self.words

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.lanes * self.planes_out

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters, its memory image left out."""
        parameters = {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "LEVEL_WIDTH": self.level_width,
            "PLANES": self.planes,
            "PLANES_OUT": self.planes_out,
            "SUM_WIDTH": self.sum_width,
            "SLOPE_WIDTH": self.slope_width,
            "SHIFT": self.shift,
            "STYLE": quoted(self.rom.style),
            **self.rom.banks(),
        }
        return Module("two_slope", parameters, self.name)
