"""The simulator's side of a bench: its cases, a clock, and sources and sinks of streams.

The simulator reads a bench's file for its cocotb tests, and plays each of them on the instance of each case.
"""

import itertools
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

Word = tuple[int, ...]

SEED = 20180429
SETTLED = 8
"""Cycles after a reset before anything is sent: a line buffer reads nothing before it knows what comes first."""
PATIENCE = 2000
"""Cycles without a word after which a stream counts as stuck."""
CASES = "REBNET_BENCH_CASES"
"""Environment variable: the cases to play and their instances, as JSON."""
FILES = "REBNET_BENCH_FILES"
"""Environment variable: where to write which Python files of the project the simulator has read, as JSON."""
_ROOT = Path(__file__).parents[2]
_playing = ""


def case_name() -> str:
    """The case that is being played."""
    return _playing


def played(test: Callable[[Any], Awaitable[None]]) -> Any:
    """A cocotb test of each case, that gets its instance, where all cases stand side by side."""
    cases = list(json.loads(os.environ.get(CASES, "{}")).items())

    async def on_instance(dut: Any, number: int) -> None:
        global _playing
        _playing, instance = cases[number]
        try:
            await test(getattr(dut, instance))
        finally:
            files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
            ours = sorted(name for name in set(files) if name.startswith(f"{_ROOT}/") and "/.venv/" not in name)
            Path(os.environ[FILES]).write_text(json.dumps(ours))

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(on_instance, name, getattr(test, name))
    return cocotb.parametrize(number=range(len(cases)))(on_instance) if cases else on_instance


def to_word(bits: np.ndarray) -> int:
    """The number whose bit i is element i of a boolean vector."""
    return int.from_bytes(np.packbits(bits.ravel(), bitorder="little").tobytes(), "little")


def cut(vector: np.ndarray, width: int, fill: np.ndarray) -> list[int]:
    """Words of `width` elements, plane major, of a vector of shape (planes, elements); `fill` follows its end."""
    count = -(-vector.shape[1] // width)
    full = np.concatenate([vector, fill[:, : count * width - vector.shape[1]]], axis=1)
    return [to_word(full[:, i * width : (i + 1) * width]) for i in range(count)]


def hexadecimal(word: Word) -> str:
    """The fields of a word, for a message."""
    return "/".join(map(hex, word))


def join(values: Iterable[int], width: int) -> int:
    """Fields of `width` bits as one number, the first in the lowest bits; negative ones as two's complement."""
    return sum((int(value) & ((1 << width) - 1)) << (i * width) for i, value in enumerate(values))


# How willing one side of a stream is, cycle by cycle. True: a word may move.
PATTERNS: dict[str, Callable[[], Iterator[bool]]] = {
    "always": lambda: itertools.repeat(True),
    "every other": lambda: itertools.cycle((True, False)),
    "bursts": lambda: itertools.cycle((True,) * 5 + (False,) * 4),
    "rarely": lambda: itertools.cycle((False,) * 6 + (True,)),
}


def moods(rng: random.Random) -> Iterator[bool]:
    """Random stalls whose mood changes, from never to mostly idle."""
    while True:
        chance = rng.choice((1.0, 0.75, 0.5, 0.25, 0.05))
        for _ in range(rng.randrange(1, 60)):
            yield rng.random() < chance


class Agent(Protocol):
    """Plays one side of a stream: `drive` while the clock is low, `sample` once all has settled."""

    def drive(self) -> None: ...

    def sample(self, cycle: int) -> None: ...

    def rest(self) -> None: ...


class Source:
    """Offers words, keeps each offer until it is taken, and shows nonsense in between.

    `times` holds the cycle in which each word was taken.
    """

    def __init__(self, valid: Any, ready: Any, fields: Sequence[Any]) -> None:
        self._valid, self._ready, self._fields = valid, ready, fields
        self._random = random.Random(SEED)
        self.rest()

    def rest(self) -> None:
        self.play((), itertools.repeat(False))
        self._valid.value = 0

    def play(self, words: Sequence[Word], go: Iterator[bool]) -> None:
        self._words, self._go, self._offered = words, go, False
        self.times: list[int] = []
        self._nonsense = False

    def drive(self) -> None:
        if self._offered:
            return
        if len(self.times) < len(self._words) and next(self._go):
            self._offered, self._nonsense = True, False
            self._valid.value = 1
            for handle, value in zip(self._fields, self._words[len(self.times)], strict=True):
                handle.value = value
        elif not self._nonsense:
            self._nonsense = True
            self._valid.value = 0
            for handle in self._fields:
                handle.value = self._random.getrandbits(len(handle))

    def sample(self, cycle: int) -> None:
        if self._offered and self._ready.value == 1:
            self._offered = False
            self.times.append(cycle)


class Sink:
    """Takes words, and sees to it that an offer stays as it is until it is taken.

    `times` holds the cycle in which each word was taken.
    """

    def __init__(self, valid: Any, ready: Any, fields: Sequence[Any]) -> None:
        self._valid, self._ready, self._fields = valid, ready, fields
        self.rest()

    def rest(self) -> None:
        self.play(itertools.repeat(False))
        self._willing = False
        self._ready.value = 0

    def play(self, go: Iterator[bool]) -> None:
        self._go, self._offer = go, None
        self.words: list[Word] = []
        self.times: list[int] = []

    def hurry(self) -> None:
        self._go = itertools.repeat(True)

    def drive(self) -> None:
        willing = next(self._go)
        if willing != self._willing:
            self._willing = willing
            self._ready.value = int(willing)

    def sample(self, cycle: int) -> None:
        offer: Word | None = None
        if self._valid.value == 1:
            offer = tuple(int(handle.value) for handle in self._fields)
        assert self._offer in (None, offer), (
            f"cycle {cycle}: the offer {self._offer} became {offer} before it was taken"
        )
        self._offer = offer
        if offer is not None and self._willing:
            self._offer = None
            self.words.append(offer)
            self.times.append(cycle)


@dataclass
class Bench:
    """A module under test: its clock, its reset if it has one, and the agents on its streams."""

    dut: Any
    agents: Sequence[Agent] = ()
    cycle: int = field(default=0, init=False)

    async def start(self) -> None:
        """Start the clock, and reset."""
        self.dut.clk.value = 0
        Clock(self.dut.clk, 2, "ns").start()
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        """Forget all that is under way; streams rest until they are told to play."""
        await FallingEdge(self.dut.clk)
        for agent in self.agents:
            agent.rest()
        reset = getattr(self.dut, "rst", None)
        if reset is None:
            return
        reset.value = 1
        for _ in range(cycles):
            await FallingEdge(self.dut.clk)
        reset.value = 0
        for _ in range(SETTLED):
            await FallingEdge(self.dut.clk)
        self.cycle = 0

    async def step(self) -> None:
        """One cycle, from a falling edge of the clock to the next."""
        for agent in self.agents:
            agent.drive()
        await ReadOnly()
        for agent in self.agents:
            agent.sample(self.cycle)
        self.cycle += 1
        await FallingEdge(self.dut.clk)

    async def steps(self, cycles: int) -> None:
        """So many cycles."""
        for _ in range(cycles):
            await self.step()


# --- streams: traffic and the ways to play it -------------------------------------------------------------


@dataclass(frozen=True)
class Traffic:
    """Words in, and the words that they must become; `mask` has a word of the bits that count, None for all."""

    words: Sequence[Word]
    expected: Sequence[Word]
    mask: Sequence[Word] | None = None

    def check(self, received: Sequence[Word]) -> None:
        """Raise at the first difference."""
        assert len(received) == len(self.expected), f"{len(received)} words came out instead of {len(self.expected)}"
        mask = self.mask or itertools.repeat(None)
        for place, (got, want, counts) in enumerate(zip(received, self.expected, mask, strict=False)):
            if counts is None:
                assert got == want, f"word {place} is {hexadecimal(got)}, the specification says {hexadecimal(want)}"
                continue
            wrong = tuple((a ^ b) & c for a, b, c in zip(got, want, counts, strict=True))
            assert not any(wrong), f"word {place} is {hexadecimal(got)}, the specification says {hexadecimal(want)}"


class StreamBench(Bench):
    """A module with one stream in and one stream out."""

    def __init__(self, dut: Any, source: Source, sink: Sink) -> None:
        super().__init__(dut, (source, sink))
        self.source, self.sink = source, sink

    async def play(self, traffic: Traffic, idle: Iterator[bool], backpressure: Iterator[bool]) -> None:
        """Send all of it, compare all that comes out, and see that nothing more follows."""
        self.source.play(traffic.words, idle)
        self.sink.play(backpressure)
        moved, last = 0, self.cycle
        while len(self.sink.words) < len(traffic.expected) or len(self.source.times) < len(traffic.words):
            await self.step()
            now = len(self.source.times) + len(self.sink.times)
            if now != moved:
                moved, last = now, self.cycle
            taken = f"{len(self.source.times)} of {len(traffic.words)} words went in"
            given = f"{len(self.sink.words)} of {len(traffic.expected)} came out"
            assert self.cycle - last < PATIENCE, f"stuck: {taken}, {given}"
        self.sink.hurry()
        await self.steps(40)
        traffic.check(self.sink.words)

    async def patterns(self, traffic: Callable[[], Traffic]) -> None:
        """{idle} × {backpressure}, fresh traffic for each."""
        for (idle, go), (stalls, willing) in itertools.product(PATTERNS.items(), repeat=2):
            self.dut._log.info("idle: %s, backpressure: %s", idle, stalls)
            await self.play(traffic(), go(), willing())

    async def stress(self, traffic: Callable[[], Traffic], runs: int = 4) -> None:
        """Random stalls on both sides; now and then a reset in the middle of everything."""
        rng = random.Random(SEED)
        for _ in range(runs):
            await self.play(traffic(), moods(rng), moods(rng))
            self.source.play(traffic().words, moods(rng))
            self.sink.play(moods(rng))
            await self.steps(rng.randrange(1, 60))
            await self.reset(cycles=1)

    async def full_speed(self, traffic: Traffic) -> None:
        """Both sides always willing; the times stay in `source.times` and `sink.times`."""
        await self.reset()
        await self.play(traffic, itertools.repeat(True), itertools.repeat(True))


def bench_of(dut: Any) -> StreamBench:
    """The bench of a module whose streams carry data and the levels of its image."""
    return StreamBench(
        dut,
        Source(dut.in_valid, dut.in_ready, [dut.in_data, dut.in_levels]),
        Sink(dut.out_valid, dut.out_ready, [dut.out_data, dut.out_levels]),
    )
