"""The host's side of the serial line: who answers, and the answer to an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.boards.shells.uart.identity import BYTES, QUESTION, Identity
from rebnet.boards.shells.uart.line import Line
from rebnet.errors import BoardError

QUIET_S = 0.25
"""Silence after which the shell has given up what was begun: more than twice `SILENCE_S`."""
_MOST_NOISE_S = 3.0
_CHECK = (
    "check that the board has power, its bitstream and this port, that no other program has taken the answer, and the "
    "speed (?baud=)"
)


@dataclass(frozen=True)
class Answer:
    """Of one image: its scores, None where the bitstream does not send them, and its label."""

    scores: NDArray[np.int64] | None
    label: int


class Host:
    """Talks with the shell on a line, one image at a time.

    Args:
        line: an open port.
        expected: who should answer.
        accelerator_s: most seconds that the accelerator takes for an image.
        timeout_s: seconds after which an answer is late; None for what line and accelerator need, twice, and a second.

    Attributes:
        identity: who answers; `expected`, with what only the board knows.
        asked: whether the shell could be asked; a bitstream of before can not.
    """

    def __init__(self, line: Line, expected: Identity, accelerator_s: float, timeout_s: float | None = None) -> None:
        self.identity, self.asked = expected, False
        self._line, self._unsure = line, True
        height, width, channels = expected.image
        line_s = 10 / line.baud * (1 + height * width * channels + expected.answer_bytes)
        self.timeout_s = timeout_s or 1 + 2 * (line_s + accelerator_s)
        self._question_s = timeout_s or 1 + 20 / line.baud * BYTES

    def ask(self) -> Identity | None:
        """Ask the shell who it is; None where nothing comes that is an identity.

        Raises:
            BoardError: the line has gone, is never quiet, or the shell has another version.
        """
        self._settle()
        self._unsure = True
        self._line.write(QUESTION, self._question_s)
        found = Identity.read(self._line.read(BYTES, self._question_s))
        self._unsure = found is None
        return found

    def meet(self) -> bool:
        """Ask who is there; whether it was said, and is who should be.

        Raises:
            BoardError: another network answers.
        """
        found = self.ask() or self.ask()
        if found is None:
            return False
        if found.network != self.identity.network:
            raise BoardError(
                f"{self._line.port}: another network answers ({found.in_words}) than the build's "
                f"({self.identity.in_words}); program the board with the build's bitstream, or name the build that its "
                "bitstream was made from"
            )
        if not found.is_accelerator(self.identity):
            raise BoardError(
                f"{self._line.port}: the network that answers is the build's, and what the shell says of it is not "
                f"({found.in_words}, {found.answers} scores of {found.score_bytes} bytes); check the cable and the "
                f"speed ({self._line.baud} baud) and connect again, or make the bitstream again"
            )
        self.identity, self.asked = found, True
        return True

    def answer(self, image: NDArray[np.uint8], levels: int) -> Answer:
        """Send an image, and wait for its answer.

        Args:
            image: of the network's shape.
            levels: m; 0 for M.

        Raises:
            BoardError: no answer, half of one, or one that contradicts itself; the line has gone.
        """
        self._unsure = self._unsure or bool(self._line.read(1, 0))  # nobody asked for what is there already
        self._settle()
        self._unsure = True
        sent = bytes([levels]) + np.ascontiguousarray(image).tobytes()
        self._line.write(sent, self.timeout_s)
        data = self._line.read(self.identity.answer_bytes, self.timeout_s)
        if len(data) < self.identity.answer_bytes:
            raise BoardError(self._short(len(sent), len(data)))
        answer = self._read(data)
        self._unsure = False
        return answer

    def _read(self, data: bytes) -> Answer:
        who = self.identity
        label = int.from_bytes(data[-who.label_bytes :], "little")
        if label >= who.answers:
            raise BoardError(
                f"{self._line.port}: an answer's label is {label}, and there are {who.answers}; bytes were lost or "
                f"changed on the way: check the cable and the speed ({self._line.baud} baud)"
            )
        if not who.scores:
            return Answer(None, label)
        size = who.score_bytes
        parts = (data[i * size : (i + 1) * size] for i in range(who.answers))
        scores = np.array([int.from_bytes(part, "little", signed=True) for part in parts], dtype=np.int64)
        largest = int(np.argmax(scores))
        if label != largest:
            raise BoardError(
                f"{self._line.port}: an answer's label is {label}, and the largest of its scores that of {largest}; "
                f"bytes were lost or changed on the way: check the cable and the speed ({self._line.baud} baud)"
            )
        return Answer(scores, label)

    def _settle(self) -> None:
        """After anything that is not as it should be: wait until the shell has given up what was begun."""
        if self._unsure and not self._line.drain(QUIET_S, _MOST_NOISE_S):
            raise BoardError(
                f"{self._line.port}: bytes come without a question, for {_MOST_NOISE_S:g} s and on; this is no "
                f"shell of rebnet's, or its speed is not {self._line.baud} baud"
            )

    def _short(self, sent: int, came: int) -> str:
        waited = (
            f"{self._line.port}: {came or 'none'} of {self.identity.answer_bytes} bytes of an answer came in "
            f"{self.timeout_s:.1f} s, to an image of {sent} bytes at {self._line.baud} baud"
        )
        found = self.ask() if self.asked else None
        if found is not None and found.lost:
            return (
                f"{waited}; the shell says that bytes were lost: the accelerator is slower than the line. Fold it "
                "faster, and make its bitstream again"
            )
        if found is not None:
            return f"{waited}; the shell itself answers, so bytes were lost on the way: check the cable, and try again"
        return f"{waited}; {_CHECK}"
