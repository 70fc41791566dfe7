"""The protocol of LiteX's uartbone on a serial line: words of a SoC's bus, by address.

A command is a byte (1: write, 2: read, at rising addresses), the number of words, the address in words (4 bytes), and
the words to write; every number with its highest byte first. A read is answered by its words, a write by nothing.
"""

from collections.abc import Sequence

from rebnet.boards.shells.uart.line import Line
from rebnet.errors import BoardError

WRITE, READ = 1, 2
WRITE_WORDS = 32
READ_WORDS = 128
QUIET_S = 0.25
"""Silence after which the SoC has given up a command that was begun: more than twice its 0.1 s."""


class Bone:
    """A SoC's bus.

    Args:
        line: an open port.
        timeout_s: most seconds that an answer takes beside the time on the line.
    """

    def __init__(self, line: Line, timeout_s: float = 10.0) -> None:
        self._line, self._timeout_s, self._unsure = line, timeout_s, True
        self._sent = 0  # bytes since the last answer: they may still be on their way

    def read(self, address: int, length: int) -> list[int]:
        """`length` words from an address, in bytes.

        Raises:
            BoardError: not all of them came.
        """
        self._settle()
        words: list[int] = []
        while len(words) < length:
            count = min(READ_WORDS, length - len(words))
            self._unsure = True
            self._send(READ, count, address + 4 * len(words), b"")
            data = self._line.read(4 * count, self._seconds(4 * count + self._sent))
            if len(data) < 4 * count:
                raise BoardError(
                    f"{self._line.port}: {len(data) or 'none'} of {4 * count} bytes were answered at {self._line.baud} "
                    "baud; check the cable, that the board has this SoC's bitstream, and that the port is its line"
                )
            self._unsure, self._sent = False, 0
            words += [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        """Words to an address, in bytes.

        Raises:
            BoardError: the line does not take them.
        """
        self._settle()
        for first in range(0, len(words), WRITE_WORDS):
            part = words[first : first + WRITE_WORDS]
            self._unsure = True
            self._send(WRITE, len(part), address + 4 * first, b"".join(word.to_bytes(4, "big") for word in part))
            self._unsure = False

    def _send(self, command: int, count: int, address: int, data: bytes) -> None:
        sent = bytes([command, count]) + (address // 4).to_bytes(4, "big") + data
        self._line.write(sent, self._seconds(len(sent)))
        self._sent += len(sent)

    def _seconds(self, count: int) -> float:
        return self._timeout_s + 20 * count / self._line.baud

    def _settle(self) -> None:
        """After anything that is not as it should be: wait until the SoC has given up what was begun."""
        if self._unsure and not self._line.drain(QUIET_S, 3.0):
            raise BoardError(f"{self._line.port}: bytes come without a question; this is no uartbone's line")
        self._unsure = False
