"""Who answers on the serial line: the 56 bytes that the shell sends when it is asked.

    byte 0    "RBNT"
    byte 4    version of this layout
    byte 5    bit 0: answers hold scores; bit 1: bytes were lost since it was last asked
    byte 6    bytes a score
    byte 7    M
    byte 8    height, width, channels and scores of an image, 4 bytes each, lowest first
    byte 24   SHA-256 of the network, as in ports.json

A bitstream of before takes the question for the beginning of an image, gives that up after its silence, and is well.
"""

from dataclasses import dataclass, replace
from typing import Self

from rebnet.boards.shells.beats import check_beats
from rebnet.errors import BoardError, OptionError
from rebnet.records import Ports

QUESTION = b"\xff"
"""In the place of an image's levels, of which there are never so many."""
BYTES = 56
MAGIC = b"RBNT"
VERSION = 1
_SCORES, _LOST = 1, 2


@dataclass(frozen=True)
class Identity:
    """What the shell says of itself and its accelerator.

    Attributes:
        image: height, width, channels.
        answers: scores of an image.
        score_bytes: bytes of one.
        levels: M.
        network: SHA-256 of the network, 64 hexadecimal digits.
        scores: whether answers hold the scores, or the label alone.
        lost: whether bytes found no place since it was asked before, or since the reset.
    """

    image: tuple[int, int, int]
    answers: int
    score_bytes: int
    levels: int
    network: str
    scores: bool = True
    lost: bool = False

    @classmethod
    def of(cls, ports: Ports, *, scores: bool = True) -> Self:
        """Of the accelerator that ports.json describes.

        Raises:
            OptionError: scores that leave in one beat, or weights that are written at run time.
        """
        if ports.runtime_weights:
            raise OptionError(
                "the accelerator's weights are written at run time through the AXI shell, and the board has a serial "
                "line; generate the RTL again without --runtime-weights"
            )
        check_beats(ports)
        height, width, channels = ports.s_axis.image
        m_axis = ports.m_axis
        return cls(
            image=(height, width, channels),
            answers=m_axis.beats_per_image,
            score_bytes=m_axis.tdata_bits // 8,
            levels=ports.levels[-1],
            network=ports.inputs["network"],
            scores=scores,
        )

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """What `BYTES` bytes say; None where they are no identity.

        Raises:
            BoardError: another version of the layout.
        """
        if len(data) != BYTES or not data.startswith(MAGIC):
            return None
        if data[4] != VERSION:
            raise BoardError(
                f"the shell says who it is in version {data[4]}, and this rebnet reads {VERSION}; use the rebnet that "
                "made the bitstream, or make it again"
            )
        height, width, channels, answers = (int.from_bytes(data[i : i + 4], "little") for i in range(8, 24, 4))
        return cls(
            image=(height, width, channels),
            answers=answers,
            score_bytes=data[6],
            levels=data[7],
            network=data[24:].hex(),
            scores=bool(data[5] & _SCORES),
            lost=bool(data[5] & _LOST),
        )

    @property
    def data(self) -> bytes:
        """The bytes."""
        flags = _SCORES * self.scores | _LOST * self.lost
        numbers = b"".join(number.to_bytes(4, "little") for number in (*self.image, self.answers))
        return MAGIC + bytes([VERSION, flags, self.score_bytes, self.levels]) + numbers + bytes.fromhex(self.network)

    @property
    def word(self) -> int:
        """The bytes as the shell's parameter has them, the first one lowest."""
        return int.from_bytes(self.data, "little")

    @property
    def label_bytes(self) -> int:
        """Bytes of a label."""
        return max(1, ((self.answers - 1).bit_length() + 7) // 8)

    @property
    def answer_bytes(self) -> int:
        """Bytes of an answer: scores, if there are any, and the label."""
        return self.answers * self.score_bytes * self.scores + self.label_bytes

    def is_accelerator(self, other: "Identity") -> bool:
        """Whether both are of the same accelerator, whatever its shell sends or has lost."""
        return replace(self, scores=other.scores, lost=other.lost) == other

    @property
    def in_words(self) -> str:
        """Image, levels and the beginning of the hash."""
        return f"{'x'.join(map(str, self.image))}, M = {self.levels}, network {self.network[:12]}"
