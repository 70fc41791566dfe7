"""The host's side of a serial line, as agents of a bench: bits by the clock of the module under test."""

from collections.abc import Iterator
from typing import Any


class Sender:
    """Sends bytes on `line`; each is a pair of the idle cycles before it and the byte.

    Attributes:
        stop: level of the stop bit; 0 sends bytes that are none.
        bit_clocks: cycles a bit; may differ a little from the receiver's.
    """

    def __init__(self, line: Any, bit_clocks: float) -> None:
        self._line, self.bit_clocks, self.stop = line, bit_clocks, 1
        self.rest()

    def rest(self) -> None:
        self._line.value = 1
        self._levels: Iterator[int] = iter(())
        self.done = True

    def play(self, traffic: list[tuple[int, int]]) -> None:
        self._levels, self.done = self._bits(traffic), False

    def _bits(self, traffic: list[tuple[int, int]]) -> Iterator[int]:
        time, edge = 0, 0.0
        for idle, byte in traffic:
            edge += idle
            while time < edge:
                time += 1
                yield 1
            for bit in (0, *((byte >> i & 1) for i in range(8)), self.stop):
                edge += self.bit_clocks
                while time < edge:
                    time += 1
                    yield bit

    def drive(self) -> None:
        level = next(self._levels, None)
        self.done = level is None
        self._line.value = 1 if level is None else level

    def sample(self, cycle: int) -> None:
        """A sender looks at nothing."""


class Listener:
    """Reads bytes from `line`, each bit in its middle; a stop bit that is low is an error.

    Attributes:
        received: the bytes.
        times: the cycle of each start bit's first cycle.
    """

    def __init__(self, line: Any, bit_clocks: int) -> None:
        self._line, self._bit_clocks = line, bit_clocks
        self.rest()

    def rest(self) -> None:
        self.received: list[int] = []
        self.times: list[int] = []
        self._start: int | None = None
        self._byte = 0

    def drive(self) -> None:
        """A listener drives nothing."""

    def sample(self, cycle: int) -> None:
        level = int(self._line.value)
        if self._start is None:
            if level:
                return
            self._start, self._byte = cycle, 0
            self.times.append(cycle)
        place, phase = divmod(cycle - self._start, self._bit_clocks)
        if phase == self._bit_clocks // 2 and 1 <= place <= 8:
            self._byte |= level << (place - 1)
        if phase == self._bit_clocks // 2 and place == 9:
            assert level == 1, f"cycle {cycle}: the stop bit is low"
            self.received.append(self._byte)
        if place == 9 and phase == self._bit_clocks - 1:
            self._start = None
