"""The pace that an accelerator keeps for ever: schedules that repeat with every image.

In a run without end, in which every image happens `period` cycles after the one before, the equations of
`rebnet.fold.timing.schedule` have a solution if and only if the hardware keeps that pace: events that wait for each
other around a circle cannot cost more cycles than the images they go through have periods. The circle that costs most
sets the pace of the hardware, and the edges on it say who is to blame.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rebnet.fold.timing.process import Edge, Process
from rebnet.fold.timing.schedule import NEVER
from rebnet.stages.numbers import Integers

_BEFORE = -1  # an event that waits for the one before it in its process
_NOTHING = -2


@dataclass(frozen=True, eq=False)
class _Wait:
    """An edge with its places in the arrays of times; `laps` are images from the awaited event to the waiting one."""

    source: int
    events: Integers | slice
    after: Integers
    add: Integers
    laps: Integers


@dataclass(frozen=True)
class Circle:
    """Events that wait for each other around more than their images' periods.

    `mean` is the cycles per image that the circle costs, more than the period it was asked for, or None for a circle
    within one image: a deadlock. `edges` are those on it, as (number of the process that waits, number of its edge).
    """

    mean: Fraction | None
    edges: frozenset[tuple[int, int]]


class Pace:
    """Times of all events of a run without end, in which every image happens `period` cycles after the one before.

    Args:
        processes: the processes of an image.
        period: cycles from an image to the next.

    Attributes:
        times: when every event of every process happens for one image, in units of 1/scale cycle; an array per
            process.
        scale: denominator of the period.
        period: the period, in the same unit.
    """

    def __init__(self, processes: Sequence[Process], period: Fraction | int) -> None:
        self.scale = Fraction(period).denominator
        self.period = int(period * self.scale)
        self._processes = list(processes)
        self._numbers = {process: number for number, process in enumerate(processes)}
        self.times: list[Integers] = []
        self._causes: list[NDArray[np.int8]] = []  # the edge that each event waits for last
        self._bases: list[Integers] = []
        self._wraps: list[int] = []
        self._waits: list[list[_Wait]] = []
        self._followers: list[set[int]] = [set() for _ in self._processes]
        for number, process in enumerate(self._processes):
            gaps = self.scale * process.gaps
            self._wraps.append(int(gaps[0]))
            self._bases.append(np.cumsum(gaps) - gaps[0])
            times = np.full(len(gaps), NEVER, dtype=np.int64)
            if process.start:
                times[0] = 0
            self.times.append(times)
            self._causes.append(np.full(len(gaps), _NOTHING, dtype=np.int8))
            for edge in process.edges:
                self._followers[self._numbers[edge.source]].add(number)
            self._waits.append([self._placed(edge, process.count) for edge in process.edges])
        self._dirty = set(range(len(self._processes)))

    def _placed(self, edge: Edge, count: int) -> _Wait:
        laps, index = np.divmod(edge.after, edge.source.count)
        add = self.scale * np.asarray(edge.delay, np.int64) + self.period * laps
        events = slice(None) if edge.events is None or len(edge.events) == count else edge.events
        return _Wait(self._numbers[edge.source], events, index, add, -laps)

    def meets(self, process: Process, edge: Edge) -> bool:
        """True if the times are such that `process` would never wait for `edge`."""
        wait = self._placed(edge, process.count)
        earliest = self.times[wait.source][wait.after] + wait.add
        return bool((self.times[self._numbers[process]][wait.events] >= earliest).all())

    def replaced(self, process: Process, number: int, edge: Edge) -> "Pace":
        """This schedule with edge `number` of `process` replaced by one that asks for more, still to be solved."""
        index = self._numbers[process]
        other = copy(self)
        other.times, other._causes = list(self.times), list(self._causes)
        other._waits = list(self._waits)
        other._waits[index] = list(self._waits[index])
        other._waits[index][number] = self._placed(edge, process.count)
        other._dirty = {index}
        return other

    def solve(self) -> Circle | None:
        """Find the times; None, or a circle that has no solution at this period."""
        for base, wrap in zip(self._bases, self._wraps, strict=True):
            if int(base[-1]) + wrap > self.period:
                return Circle(Fraction(int(base[-1]) + wrap, self.scale), frozenset())
        sweeps, look = 0, 6
        while self._dirty:
            if sweeps == look:
                circle = self._circle()
                if circle is not None:
                    return circle
                look += min(look, 64)
            last = len(self.times) - 1
            for step in range(last + 1):
                number = step if sweeps % 2 == 0 else last - step
                if number in self._dirty:
                    self._dirty.discard(number)
                    new, causes = self._following(number)
                    if not np.array_equal(new, self.times[number]):
                        self.times[number], self._causes[number] = new, causes
                        self._dirty |= self._followers[number]
            sweeps += 1
        return None

    def _following(self, number: int) -> tuple[Integers, NDArray[np.int8]]:
        """The times of one process when it follows the others, and what each event waits for last."""
        old = self.times[number]
        new, causes = old.copy(), self._causes[number].copy()
        for place, wait in enumerate(self._waits[number]):
            times = self.times[wait.source][wait.after] + wait.add
            later = times > new[wait.events]
            new[wait.events] = np.where(later, times, new[wait.events])
            causes[wait.events] = np.where(later, place, causes[wait.events])
        base = self._bases[number]
        new -= base
        own = new.copy()
        np.maximum.accumulate(new, out=new)
        again = new[-1] + base[-1] + self._wraps[number] - self.period
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
            moved = np.flatnonzero(self._following(number)[0] != self.times[number])
            if len(moved) and (circle := self._trace(number, int(moved[0]))) is not None:
                return circle
        return None

    def _trace(self, number: int, event: int) -> Circle | None:
        """Go back from an event along what it waited for last, until that closes or ends."""
        edged: dict[int, Integers] = {}  # events of each process that did not wait for the one before them
        steps: list[tuple[int, int, tuple[int, int]]] = []  # cost, laps and edge
        seen: dict[tuple[int, int], int] = {}
        while True:
            cost = laps = 0
            if number not in edged:
                edged[number] = np.flatnonzero(self._causes[number] != _BEFORE)
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
            place = int(self._causes[number][event])
            if place < 0:
                return None
            if (number, event) in seen:
                break
            seen[number, event] = len(steps)
            wait = self._waits[number][place]
            index = event if isinstance(wait.events, slice) else int(np.searchsorted(wait.events, event))
            lap = int(wait.laps[index])
            steps.append((cost, laps, (number, place)))
            steps.append((int(wait.add[index]) + self.period * lap, lap, (number, place)))
            number, event = wait.source, int(wait.after[index])
        circle = [(cost, laps, (number, place)), *steps[seen[number, event] + 1 :]]
        total, laps = sum(step[0] for step in circle), sum(step[1] for step in circle)
        if total <= self.period * laps:
            return None
        mean = Fraction(total, self.scale * laps) if laps else None
        return Circle(mean, frozenset(edge for _, _, edge in circle))
