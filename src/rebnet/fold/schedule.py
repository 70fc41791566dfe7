"""Schedules: when every event of a system of queues and servers happens, all of them as soon as they can.

An accelerator is made of processes that do one thing after another: a link moves words, a sequencer issues them. Each
event waits for the one before it in its own process and for events of others, a word that must have come in or a
place that must have become free, and happens as soon as the last of these is long enough ago:

    t_k = max(t_{k-1} + gap_k, max over edges (t'_{f(k)} + delay)).

The least solution of these equations is what the hardware does, cycle by cycle, because ready and valid depend on
registers only and stay once they are there. It is found by letting every process follow the others until nothing
changes; a whole process follows in a few operations on arrays.

An image repeats the events of the image before. The equations are solved either for a number of images in turn, or
for the long run, where every image happens `period` cycles after the one before it; then there is a solution if and
only if the hardware keeps that pace (a circle of events that costs more than its images' periods cannot be met).
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
NEVER = -(1 << 60)
_BEFORE = -1  # an event that waits for the one before it in its process
_NOTHING = -2


@dataclass(eq=False)
class Process:
    """Events of one image that happen one after another.

    Attributes:
        name: for messages.
        gaps: least cycles from the event before to each event; that of an image's first counts from the last event
            of the image before.
        start: True if the first image's first event waits for nothing else but cycle 0.
        edges: what else the events wait for.
    """

    name: str
    gaps: Integers
    start: bool = False
    edges: list["Edge"] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Events of an image."""
        return len(self.gaps)

    def wait(
        self, source: "Process", after: Integers, delay: Integers | int = 1, events: Integers | None = None
    ) -> None:
        """Event events[i] (all if None) happens `delay` cycles after event after[i] of `source`, or later.

        Events of `source` are counted from its image's first; negative numbers are those of images before.
        """
        self.edges.append(Edge(source, events, after, delay))


@dataclass(frozen=True, eq=False)
class Edge:
    """See `Process.wait`."""

    source: Process
    events: Integers | None
    after: Integers
    delay: Integers | int = 1


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

    `mean` is the cycles per image that the circle costs, more than the period it was asked for; `edges` are the edges
    on it, as (number of the process that waits, number of its edge).
    """

    mean: Fraction
    edges: frozenset[tuple[int, int]]


class Schedule:
    """Times of all events, the earliest there are.

    Args:
        images: the processes of each image in turn, in the same order, each from the first to the last that data
            meets. One image alone with a period stands for a run without end.
        period: cycles from an image to the next, or None for a run of exactly these images.
    """

    def __init__(self, images: Sequence[Sequence[Process]], period: Fraction | int | None = None) -> None:
        self.scale = 1 if period is None else Fraction(period).denominator  # times are counted in 1/scale cycles
        self.period = None if period is None else int(period * self.scale)
        self.images = len(images)
        self._processes = list(images[0])
        numbers = [{process: number for number, process in enumerate(image)} for image in images]
        self._numbers = numbers[0]
        self.times: list[Integers] = []
        self._causes: list[NDArray[np.int8]] = []  # the edge that each event waits for last
        self._bases: list[Integers] = []
        self._wraps: list[int] = []
        self._waits: list[list[_Wait]] = []
        self._followers: list[set[int]] = [set() for _ in self._processes]
        for number, process in enumerate(self._processes):
            gaps = self.scale * np.concatenate([image[number].gaps for image in images])
            self._wraps.append(int(gaps[0]))
            self._bases.append(np.cumsum(gaps) - gaps[0])
            times = np.full(len(gaps), NEVER, dtype=np.int64)
            if process.start:
                times[0] = 0
            self.times.append(times)
            self._causes.append(np.full(len(gaps), _NOTHING, dtype=np.int8))
            waits = []
            for place in range(max(len(image[number].edges) for image in images)):
                edges = {
                    i: image[number].edges[place] for i, image in enumerate(images) if place < len(image[number].edges)
                }
                some, edge = next(iter(edges.items()))
                source = numbers[some][edge.source]
                self._followers[source].add(number)
                waits.append(self._placed(edges, source, process.count))
            self._waits.append(waits)
        self._dirty = set(range(len(self._processes)))

    def _placed(self, edges: dict[int, Edge], source: int, count: int) -> _Wait:
        source_count = self._processes[source].count
        events, after, delay = [], [], []
        for image, edge in edges.items():
            own = np.arange(count) if edge.events is None else edge.events
            events.append(own + image * count)
            after.append(edge.after + image * source_count)
            delay.append(np.broadcast_to(np.asarray(edge.delay, np.int64), edge.after.shape))
        where, index, add = np.concatenate(events), np.concatenate(after), self.scale * np.concatenate(delay)
        if self.period is None:
            there = index >= 0
            where, index, add, laps = where[there], index[there], add[there], np.zeros(0, np.int64)
        else:
            laps, index = np.divmod(index, source_count)
            add = add + self.period * laps
        whole = len(where) == count * self.images
        return _Wait(source, slice(None) if whole else where, index, add, -laps)

    def meets(self, process: Process, edge: Edge) -> bool:
        """True if the times are such that `process` would never wait for `edge`."""
        wait = self._placed({0: edge}, self._numbers[edge.source], process.count)
        earliest = self.times[wait.source][wait.after] + wait.add
        return bool((self.times[self._numbers[process]][wait.events] >= earliest).all())

    def replaced(self, process: Process, number: int, edge: Edge) -> "Schedule":
        """This schedule with edge `number` of `process` replaced by one that asks for more, still to be solved."""
        index = self._numbers[process]
        other = copy(self)
        other.times, other._causes = list(self.times), list(self._causes)
        other._waits = list(self._waits)
        other._waits[index] = list(self._waits[index])
        other._waits[index][number] = self._placed({0: edge}, self._numbers[edge.source], process.count)
        other._dirty = {index}
        return other

    def solve(self) -> Circle | None:
        """Find the times; None, or a circle that has no solution at this period."""
        if self.period is not None:
            for base, wrap in zip(self._bases, self._wraps, strict=True):
                if int(base[-1]) + wrap > self.period:
                    return Circle(Fraction(int(base[-1]) + wrap, self.scale), frozenset())
        sweeps, look = 0, 6
        while self._dirty:
            if self.period is not None and sweeps == look:
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
        if self.period is not None:
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
        assert self.period is not None
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
        if laps <= 0 or total <= self.period * laps:
            return None
        return Circle(Fraction(total, self.scale * laps), frozenset(edge for _, _, edge in circle))
