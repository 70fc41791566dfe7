"""What the benches of networks with branches share: features as bit planes, and several streams into one module."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rebnet.stages.memories import Rom

from .streams import Sink, Source, StreamBench, Word


def planes_of(values: np.ndarray, planes: int) -> np.ndarray:
    """Bit planes of unsigned numbers of shape (n,), the most significant first: shape (planes, n)."""
    assert values.min() >= 0
    assert values.max() < 1 << planes
    return (values >> np.arange(planes)[::-1, None] & 1).astype(np.bool_)


class SmallBanks(Rom):
    """A memory in banks of four words, in block RAM, as one is that is deeper than a block."""

    @property
    def bank(self) -> int:
        return 4 if self.style == "block" else self.depth


def rom_in(style: str, width: int, depth: int) -> Rom:
    """A memory in "distributed", "block", or "banks"."""
    return SmallBanks(width, depth, "block") if style == "banks" else Rom(width, depth, style)


class Port:
    """A port that several agents drive, each its part."""

    def __init__(self, handle: Any) -> None:
        self.handle, self.driven = handle, 0


class Part:
    """Bits of a port, `width` of them from `low`."""

    def __init__(self, port: Port, low: int, width: int) -> None:
        self._port, self._low, self._mask = port, low, (1 << width) - 1

    def __len__(self) -> int:
        return self._mask.bit_length()

    @property
    def value(self) -> int:
        return int(self._port.handle.value) >> self._low & self._mask

    @value.setter
    def value(self, value: int) -> None:
        port = self._port
        port.driven = port.driven & ~(self._mask << self._low) | value << self._low
        port.handle.value = port.driven


class Sources:
    """A source a stream. A word says first to which it belongs; the levels go with source 0."""

    def __init__(self, dut: Any, widths: Sequence[int]) -> None:
        valid, ready, data = Port(dut.in_valid), Port(dut.in_ready), Port(dut.in_data)
        lows = itertools.accumulate(widths, initial=0)
        fields = [[Part(data, low, width)] for low, width in zip(lows, widths, strict=False)]
        self.each = [
            Source(Part(valid, s, 1), Part(ready, s, 1), [*field, dut.in_levels] if s == 0 else field)
            for s, field in enumerate(fields)
        ]

    def play(self, words: Sequence[Word], go: Iterator[bool]) -> None:
        moods = itertools.tee(go, len(self.each))
        for s, source in enumerate(self.each):
            own = [fields[: 2 if s == 0 else 1] for number, *fields in words if number == s]
            source.play([tuple(fields) for fields in own], itertools.islice(moods[s], 5 * s, None))

    @property
    def times(self) -> list[int]:
        """Cycles in which words were taken, those of all streams in order."""
        return sorted(time for source in self.each for time in source.times)

    def rest(self) -> None:
        for source in self.each:
            source.rest()

    def drive(self) -> None:
        for source in self.each:
            source.drive()

    def sample(self, cycle: int) -> None:
        for source in self.each:
            source.sample(cycle)


def bench_of(dut: Any, widths: Sequence[int]) -> StreamBench:
    """The bench of a module that joins streams of words of `widths` bits."""
    return StreamBench(dut, Sources(dut, widths), Sink(dut.out_valid, dut.out_ready, [dut.out_data, dut.out_levels]))


async def promised_places(bench: StreamBench, words: Sequence[Word], depth: int, streams: int = 1) -> None:
    """Nobody reads: `depth` words are promised a place, and no more; a word read makes room in the next cycle.

    Args:
        bench: of the module.
        words: more than that, to play.
        depth: promised places.
        streams: that give a word each to a word that comes out.
    """
    await bench.reset()
    bench.source.play(words, itertools.repeat(True))
    await bench.steps(depth + 20)
    assert bench.source.times == [time for time in range(depth) for _ in range(streams)]
    bench.sink.play(itertools.chain([True], itertools.repeat(False)))
    await bench.steps(20)
    assert bench.source.times[depth * streams :] == [bench.sink.times[0] + 1] * streams
