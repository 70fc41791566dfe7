"""The earliest times of events that wait for each other, in one image of a run, and whether there are any.

Event k of a process happens gaps[k] after event k - 1, or later; the first one so long after the last of the image
before, which is a period less. Waits are what else it happens after. Times are whole numbers.

`NumpyRelaxation` lets whole processes follow each other; `native/relaxation.cpp` is the same in C++ and visits the
events that move alone, mostly a few of some hundred thousand. It is built with the package where a C++ compiler was
there; `relaxation` gives the faster one.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebnet.stages.numbers import Integers

NEVER = -(1 << 60)
"""When an event happens that waits for nothing."""
NO_PERIOD = 1 << 61
"""A period with which no event waits for the image before."""

Circle = tuple[int, int]
"""What events that wait for each other around a circle cost, and how many images they go through."""


class Relaxation(Protocol):
    """Events of processes, waits between them, and their times.

    A wait's events[i] happens adds[i] after event after[i] of its source, `laps[i]` images before: adds holds a period
    less for each of these.
    """

    def add_process(self, gaps: Integers, start: bool) -> int:
        """Add events; with `start` the first waits for cycle 0. The number of the process."""

    def add_wait(
        self, process: int, source: int, events: Integers, after: Integers, adds: Integers, laps: Integers
    ) -> int:
        """Let events wait; the number of the wait."""

    def begin(self, process: int, times: Integers) -> None:
        """Let the events of a process happen at `times` or later; once for each process, in front of `solve`."""

    def solve(self) -> Circle | None:
        """Find the times; None, or a circle that costs more than its periods, so that there are none."""

    def replace(self, wait: int, events: Integers, after: Integers, adds: Integers, laps: Integers) -> bool:
        """Let a wait ask for more, if there are still times; else all is as it was."""

    def undo(self) -> None:
        """Take the last `replace` that held back."""

    def times(self, process: int, into: Integers) -> None:
        """Write when the events of a process happen."""


def relaxation(period: int) -> Relaxation:
    """No events yet."""
    made: Relaxation = (NumpyRelaxation if native is None else native.Relaxation)(period)
    return made


def times_of(events: Relaxation, counts: Iterable[int]) -> list[Integers]:
    """When the events of all processes happen, which have so many each."""
    found = [np.empty(count, dtype=np.int64) for count in counts]
    for number, own in enumerate(found):
        events.times(number, own)
    return found


def _load() -> Any:
    try:
        return importlib.import_module("rebnet.fold.timing._relaxation")
    except ImportError:
        return None


native: Any = _load()
"""The module in C++, or None."""

_BEFORE = -1  # an event that waits for the one before it in its process
_NOTHING = -2


@dataclass(frozen=True, eq=False)
class _Wait:
    number: int
    source: int
    events: Integers | slice
    after: Integers
    add: Integers
    laps: Integers


@dataclass
class _State:
    """What a solved relaxation may go back to."""

    times: list[Integers]
    causes: list[NDArray[np.int32]]
    waits: list[list[_Wait]]


class NumpyRelaxation:
    """`Relaxation` in numpy."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._bases: list[Integers] = []  # of each event, the gaps from its process's first
        self._wraps: list[int] = []
        self._followers: list[set[int]] = []
        self._places: list[tuple[int, int]] = []  # of each wait, its process and place there
        self._dirty: set[int] = set()
        self._now = _State([], [], [])
        self._before = self._now

    def add_process(self, gaps: Integers, start: bool) -> int:
        """See `Relaxation`."""
        self._wraps.append(int(gaps[0]))
        self._bases.append(np.cumsum(gaps) - gaps[0])
        times = np.full(len(gaps), NEVER, dtype=np.int64)
        if start:
            times[0] = 0
        self._now.times.append(times)
        self._now.causes.append(np.full(len(gaps), _NOTHING, dtype=np.int32))  # the wait that each event waits for last
        self._now.waits.append([])
        self._followers.append(set())
        number = len(self._wraps) - 1
        self._dirty.add(number)
        return number

    def add_wait(
        self, process: int, source: int, events: Integers, after: Integers, adds: Integers, laps: Integers
    ) -> int:
        """See `Relaxation`."""
        number, own = len(self._places), self._now.waits[process]
        self._places.append((process, len(own)))
        own.append(self._made(number, source, events, after, adds, laps))
        self._followers[source].add(process)
        return number

    def _made(
        self, number: int, source: int, events: Integers, after: Integers, adds: Integers, laps: Integers
    ) -> _Wait:
        process, _ = self._places[number]
        every = len(events) == len(self._bases[process])
        return _Wait(number, source, slice(None) if every else events, after, adds, laps)

    def begin(self, process: int, times: Integers) -> None:
        """See `Relaxation`."""
        self._now.times[process] = times.copy()
        self._now.causes[process] = np.full(len(times), _NOTHING, dtype=np.int32)
        self._dirty.add(process)

    def solve(self) -> Circle | None:
        """See `Relaxation`."""
        for base, wrap in zip(self._bases, self._wraps, strict=True):
            if int(base[-1]) + wrap > self._period:
                return int(base[-1]) + wrap, 1
        sweeps, look = 0, 6
        while self._dirty:
            if sweeps == look:
                circle = self._circle()
                if circle is not None:
                    return circle
                look += min(look, 64)
            last = len(self._bases) - 1
            for step in range(last + 1):
                number = step if sweeps % 2 == 0 else last - step
                if number in self._dirty:
                    self._dirty.discard(number)
                    new, causes = self._following(number)
                    if not np.array_equal(new, self._now.times[number]):
                        self._now.times[number], self._now.causes[number] = new, causes
                        self._dirty |= self._followers[number]
            sweeps += 1
        return None

    def replace(self, wait: int, events: Integers, after: Integers, adds: Integers, laps: Integers) -> bool:
        """See `Relaxation`."""
        process, place = self._places[wait]
        before = _State(list(self._now.times), list(self._now.causes), [list(waits) for waits in self._now.waits])
        own = self._now.waits[process]
        own[place] = self._made(wait, own[place].source, events, after, adds, laps)
        self._dirty = {process}
        held = self.solve() is None
        self._before = before
        if not held:
            self.undo()
        return held

    def undo(self) -> None:
        """See `Relaxation`."""
        self._now, self._dirty = self._before, set()

    def times(self, process: int, into: Integers) -> None:
        """See `Relaxation`."""
        into[:] = self._now.times[process]

    def _following(self, number: int) -> tuple[Integers, NDArray[np.int32]]:
        """The times of one process when it follows the others, and what each event waits for last."""
        new, causes = self._now.times[number].copy(), self._now.causes[number].copy()
        for place, wait in enumerate(self._now.waits[number]):
            times = self._now.times[wait.source][wait.after] + wait.add
            later = times > new[wait.events]
            new[wait.events] = np.where(later, times, new[wait.events])
            causes[wait.events] = np.where(later, place, causes[wait.events])
        base = self._bases[number]
        new -= base
        own = new.copy()
        np.maximum.accumulate(new, out=new)
        again = new[-1] + base[-1] + self._wraps[number] - self._period
        if again > new[0]:
            np.maximum(new, again, out=new)
        causes[new > own] = _BEFORE
        new += base
        return new, causes

    def _circle(self) -> Circle | None:
        """A circle of events, each of which moved last because the one before it had moved.

        As in every search for longest paths that relaxes edges, such a circle costs more than its periods.
        """
        for number in sorted(self._dirty):
            moved = np.flatnonzero(self._following(number)[0] != self._now.times[number])
            if len(moved) and (circle := self._trace(number, int(moved[0]))) is not None:
                return circle
        return None

    def _trace(self, number: int, event: int) -> Circle | None:
        """Go back from an event along what it waited for last, until that closes or ends."""
        edged: dict[int, Integers] = {}  # events of each process that did not wait for the one before them
        steps: list[Circle] = []
        seen: dict[tuple[int, int], int] = {}
        while True:
            cost = laps = 0
            if number not in edged:
                edged[number] = np.flatnonzero(self._now.causes[number] != _BEFORE)
            base, places = self._bases[number], edged[number]
            if len(places) == 0:
                return None
            index = int(np.searchsorted(places, event, "right")) - 1
            if index < 0:  # the run began in the image before
                cost, laps = int(base[event]) + self._wraps[number], 1
                event = len(base) - 1
                index = len(places) - 1
            cost += int(base[event] - base[places[index]])
            event = int(places[index])
            place = int(self._now.causes[number][event])
            if place < 0:
                return None
            if (number, event) in seen:
                break
            seen[number, event] = len(steps)
            wait = self._now.waits[number][place]
            index = event if isinstance(wait.events, slice) else int(np.searchsorted(wait.events, event))
            lap = int(wait.laps[index])
            steps += [(cost, laps), (int(wait.add[index]) + self._period * lap, lap)]
            number, event = wait.source, int(wait.after[index])
        circle = [(cost, laps), *steps[seen[number, event] + 1 :]]
        total, laps = sum(step[0] for step in circle), sum(step[1] for step in circle)
        return (total, laps) if total > self._period * laps else None
