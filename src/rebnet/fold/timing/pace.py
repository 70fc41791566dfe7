"""The pace that an accelerator keeps for ever: schedules that repeat with every image.

In a run without end, in which every image happens `period` cycles after the one before, the equations of
`rebnet.fold.timing.schedule` have a solution if and only if the hardware keeps that pace: events that wait for each
other around a circle cannot cost more cycles than the images they go through have periods. The circle that costs most
sets the pace of the hardware, and the edges on it say who is to blame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rebnet.fold.timing.process import Edge, Process
from rebnet.fold.timing.relaxation import relaxation, times_of
from rebnet.stages.numbers import Integers


@dataclass(frozen=True)
class Circle:
    """Events that wait for each other around more than their images' periods.

    `mean` is the cycles per image that the circle costs, more than the period it was asked for, or None for a circle
    within one image: a deadlock.
    """

    mean: Fraction | None


class Pace:
    """Times of all events of a run without end, in which every image happens `period` cycles after the one before.

    Args:
        processes: the processes of an image.
        period: cycles from an image to the next.

    Attributes:
        times: when every event of every process happens for one image, in units of 1/scale cycle; an array per
            process. What is cut later moves them no more.
        scale: denominator of the period.
        period: the period, in the same unit.
    """

    def __init__(self, processes: Sequence[Process], period: Fraction | int) -> None:
        self.scale = Fraction(period).denominator
        self.period = int(period * self.scale)
        self.times: list[Integers] = []
        self._processes = list(processes)
        self._numbers = {process: number for number, process in enumerate(processes)}
        self._relaxation = relaxation(self.period)
        for process in self._processes:
            self._relaxation.add_process(self.scale * process.gaps, process.start)
        self._waits = {
            (number, place): self._relaxation.add_wait(number, self._numbers[edge.source], *self._asked(process, edge))
            for number, process in enumerate(self._processes)
            for place, edge in enumerate(process.edges)
        }

    def _asked(self, process: Process, edge: Edge) -> tuple[Integers, Integers, Integers, Integers]:
        """The events that wait, the events they wait for, how long after these, and images in between."""
        events = np.arange(process.count) if edge.events is None else edge.events
        laps, after = np.divmod(edge.after, edge.source.count)
        adds = self.scale * np.asarray(edge.delay, np.int64) + self.period * laps
        return events, after, adds, -laps

    def solve(self) -> Circle | None:
        """Find the times; None, or a circle that has no solution at this period."""
        circle = self._relaxation.solve()
        if circle is not None:
            total, laps = circle
            return Circle(Fraction(total, self.scale * laps) if laps else None)
        self.times = times_of(self._relaxation, (process.count for process in self._processes))
        return None

    def meets(self, process: Process, edge: Edge) -> bool:
        """True if the times are such that `process` would never wait for `edge`."""
        events, after, adds, _ = self._asked(process, edge)
        earliest = self.times[self._numbers[edge.source]][after] + adds
        return bool((self.times[self._numbers[process]][events] >= earliest).all())

    def cut(self, process: Process, number: int, edge: Edge) -> bool:
        """Replace edge `number` of `process` by one that asks for more, if there still are times of this pace."""
        wait = self._waits[self._numbers[process], number]
        return self._relaxation.replace(wait, *self._asked(process, edge))

    def undo(self) -> None:
        """Take the last cut that held back."""
        self._relaxation.undo()

    def limits(self) -> frozenset[tuple[int, int]]:
        """The edges on circles that cost exactly their periods, as (number of the process that waits, of its edge).

        None of their events can happen earlier, so they are the circles of edges that nobody waits longer than.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        begins = np.cumsum([0, *(process.count for process in self._processes)])
        heads: list[Integers] = []
        tails: list[Integers] = []
        kinds: list[tuple[int, int] | None] = []
        for number, process in enumerate(self._processes):
            own = self.times[number]
            before = np.append(own[-1] - self.period, own[:-1])
            tight = np.flatnonzero(own == before + self.scale * process.gaps)
            heads.append(begins[number] + tight)
            tails.append(begins[number] + (tight - 1) % process.count)
            kinds.append(None)
            for place, edge in enumerate(process.edges):
                events, after, adds, _ = self._asked(process, edge)
                source = self._numbers[edge.source]
                tight = np.flatnonzero(own[events] == self.times[source][after] + adds)
                heads.append(begins[number] + events[tight])
                tails.append(begins[source] + after[tight])
                kinds.append((number, place))
        ends = np.concatenate(tails), np.concatenate(heads)
        graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(int(begins[-1]),) * 2)
        _, groups = connected_components(graph, directed=True, connection="strong")
        return frozenset(
            kind
            for kind, tail, head in zip(kinds, tails, heads, strict=True)
            if kind is not None and bool((groups[tail] == groups[head]).any())
        )
