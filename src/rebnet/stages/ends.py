"""The ends of an accelerator: `pixel_input`, where images come in, and `scores`, where answers leave."""

from dataclasses import dataclass

from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.module import Module

USER_BITS = 4
"""Width of TUSER on both streams."""
SCORES_LATENCY = 4
"""Cycles from an accumulator's arrival to its score at the output of `scores`."""
SCORES_DEPTH = 8
"""Places in the output FIFO of `scores`."""
PIXEL_DEPTH = 2
"""Places in the register slice of `pixel_input`."""


MAX_SAMPLES_PER_BEAT = 64
"""The widest input there is, but for a whole image in one beat."""
MAX_SAMPLES_AT_ONCE = 1024
"""Of an image that comes in one beat."""


def most_at_once(most: int) -> int:
    """The widest input that holds a whole image, where a shell takes at most `most` samples a beat."""
    return most if most < MAX_SAMPLES_PER_BEAT else MAX_SAMPLES_AT_ONCE


def samples_per_beat(samples: int, pace: int, most: int = MAX_SAMPLES_PER_BEAT, *, at_once: bool = False) -> int:
    """The smallest power of two with which the input takes no more than `pace` cycles per image; else `most`.

    With `at_once` the layer behind takes a whole image a cycle, and so much comes in where the pace asks for it.
    """
    if at_once and pace == 1 and samples <= most_at_once(most):
        return samples
    width = 1
    while -(-samples // width) > pace and width < most:
        width *= 2
    return width


@dataclass(frozen=True)
class Pixels:
    """`pixel_input`: pixel bytes into bit planes.

    Attributes:
        samples: of an image.
        samples_per_beat: that come in together.
        bits: used of each.
        levels: M.
        level_width: bits of a level count.
        sets: level counts that are served.
        table: the code of each byte, where it is not its top bits.
    """

    samples: int
    samples_per_beat: int
    bits: int
    levels: int
    level_width: int
    sets: int
    table: tuple[int, ...] | None = None
    instance: str = "pixels"

    @property
    def beats(self) -> int:
        """Input beats of an image."""
        return -(-self.samples // self.samples_per_beat)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """None whose depth is chosen."""
        return ()

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters."""
        parameters = {
            "SAMPLES": self.samples,
            "P": self.samples_per_beat,
            "BITS": self.bits,
            "LEVELS": self.levels,
            "LEVEL_WIDTH": self.level_width,
            "USER_WIDTH": USER_BITS,
            "RUNTIME_LEVELS": int(self.sets > 1),
            **({"TABLED": 1, "TABLE": self._codes(self.table)} if self.table else {}),
        }
        return Module("pixel_input", parameters, self.instance)

    def _codes(self, table: tuple[int, ...]) -> str:
        """The table as one constant, the code of byte 0 lowest."""
        value = sum(code << (byte * self.bits) for byte, code in enumerate(table))
        return f"{256 * self.bits}'h{value:x}"

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave."""
        return self.bits * self.samples_per_beat


@dataclass(frozen=True)
class Scores:
    """`scores`: scale and offset of the last layer's accumulators.

    Attributes:
        rows: scores of a place of the map, one a beat.
        lanes: accumulators of a word that comes in.
        sets: level counts that are served.
        level_width: bits of a level count.
        acc_width: bits of an accumulator; 0 before lowering.
        score_width: bits of a score.
        places: of the map; 1 where an image has one answer.
        at_once: all scores of an image leave in one beat, `score_row`.
    """

    rows: int
    lanes: int
    sets: int
    level_width: int
    acc_width: int
    score_width: int
    places: int = 1
    at_once: bool = False
    instance: str = "classes"

    @property
    def beats(self) -> int:
        """Output beats of an image."""
        return 1 if self.at_once else self.scores

    @property
    def scores(self) -> int:
        """Scores of an image."""
        return self.rows * self.places

    @property
    def per_beat(self) -> int:
        """Scores of a beat."""
        return self.rows if self.at_once else 1

    @property
    def score_bytes(self) -> int:
        """Bytes of a score on the output stream."""
        return -(-self.score_width // 8)

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat of the output stream."""
        return self.score_bytes * self.per_beat

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """None whose depth is chosen."""
        return ()

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters, its memory image or constants left out."""
        if self.at_once:
            widths = {"ACC_WIDTH": self.acc_width, "SCORE_WIDTH": self.score_width}
            return Module("score_row", {"ROWS": self.rows, "LEVEL_WIDTH": self.level_width, **widths}, self.instance)
        parameters = {
            "ROWS": self.rows,
            "LANES": self.lanes,
            "SETS": self.sets,
            "LEVEL_WIDTH": self.level_width,
            "ACC_WIDTH": self.acc_width,
            "SCORE_WIDTH": self.score_width,
            **({"PLACES": self.places} if self.places > 1 else {}),
        }
        return Module("scores", parameters, self.instance)
