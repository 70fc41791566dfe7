"""Schedules: when every event of a system of queues and servers happens, all of them as soon as they can.

An accelerator is made of processes that do one thing after another: a link moves words, a sequencer issues them. Each
event waits for the one before it in its own process and for events of others, a word that must have come in or a
place that must have become free, and happens as soon as the last of these is long enough ago:

    t_k = max(t_{k-1} + gap_k, max over edges (t'_{f(k)} + delay)).

The least solution of these equations is what the hardware does, cycle by cycle, because ready and valid depend on
registers only and stay once they are there. It is found by letting every process follow the others until nothing
changes; a whole process follows in a few operations on arrays.

An image repeats the events of the image before. Here the equations are solved for a number of images in turn;
`rebnet.fold.timing.pace` solves them for a run without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebnet.fold.timing.deadlock import refuse_deadlock
from rebnet.fold.timing.process import Edge, Process
from rebnet.stages.numbers import Integers

NEVER = -(1 << 60)
"""When an event happens that waits for nothing."""
PATIENCE = 64
"""Sweeps after which a solver asks whether there is a solution at all; most need fewer."""


@dataclass(eq=False)
class _Wait:
    """An edge over all images: shifted[events] >= shifted of `source` at `after`, plus `add`.

    `first` and `last` tell which of its entries a range of events of `source` can move. `low` and `high` are the range
    that moved since the edge was last looked at.
    """

    source: int
    events: Integers
    after: Integers
    add: Integers
    first: Integers
    last: Integers
    low: int
    high: int


class Schedule:
    """Times of all events of a run of some images, the earliest there are.

    Args:
        images: the processes of each image in turn, in the same order, each from the first to the last that data
            meets.

    Attributes:
        images: how many.
        times: cycle of every event of every process; an array per process, in the order of the first image's.

    Raises:
        DeadlockError: events wait for each other in a circle.
    """

    def __init__(self, images: Sequence[Sequence[Process]]) -> None:
        self.images = len(images)
        numbers = [{process: number for number, process in enumerate(image)} for image in images]
        # An event's time less its process's gaps up to it never falls from one event to the next.
        self._bases = [np.cumsum(np.concatenate([image[n].gaps for image in images])) for n in range(len(images[0]))]
        self._shifted = [np.full(len(base), NEVER, dtype=np.int64) for base in self._bases]
        self._waits: list[list[_Wait]] = []
        self._followers: list[list[tuple[int, _Wait]]] = [[] for _ in images[0]]
        for number, process in enumerate(images[0]):
            if process.start:
                self._shifted[number][:] = -self._bases[number][0]
            self._waits.append([])
            for place in range(max(len(image[number].edges) for image in images)):
                edges = {
                    i: image[number].edges[place] for i, image in enumerate(images) if place < len(image[number].edges)
                }
                some, edge = next(iter(edges.items()))
                source = numbers[some][edge.source]
                wait = self._placed(edges, number, source, process.count, images[0][source].count)
                self._waits[number].append(wait)
                self._followers[source].append((number, wait))
        self._solve(list({id(image[0]): image for image in images}.values()))
        self.times = [shifted + base for shifted, base in zip(self._shifted, self._bases, strict=True)]

    def _placed(self, edges: dict[int, Edge], number: int, source: int, count: int, source_count: int) -> _Wait:
        events, after, delay = [], [], []
        for image, edge in edges.items():
            own = np.arange(count) if edge.events is None else edge.events
            events.append(own + image * count)
            after.append(edge.after + image * source_count)
            delay.append(np.broadcast_to(np.asarray(edge.delay, np.int64), edge.after.shape))
        where, index, add = np.concatenate(events), np.concatenate(after), np.concatenate(delay)
        there = index >= 0
        where, index, add = where[there], index[there], add[there]
        add = add + self._bases[source][index] - self._bases[number][where]
        first = np.maximum.accumulate(index)
        last = np.minimum.accumulate(index[::-1])[::-1]
        return _Wait(source, where, index, add, first, last, 0, len(self._bases[source]) - 1)

    def _solve(self, images: Sequence[Sequence[Process]]) -> None:
        dirty = set(range(len(self._waits)))
        forward, sweeps = True, 0
        while dirty:
            if sweeps == PATIENCE:
                for image in images:
                    refuse_deadlock(image, [process.edges for process in image])
            sweeps += 1
            for number in range(len(self._waits)) if forward else range(len(self._waits) - 1, -1, -1):
                if number in dirty:
                    dirty.discard(number)
                    moved = self._follow(number)
                    if moved is not None:
                        for follower, wait in self._followers[number]:
                            wait.low, wait.high = min(wait.low, moved[0]), max(wait.high, moved[1])
                            dirty.add(follower)
            forward = not forward

    def _follow(self, number: int) -> tuple[int, int] | None:
        """Let one process follow the others; the first and last event that moved, or None."""
        shifted = self._shifted[number]
        low, high = len(shifted), -1
        for wait in self._waits[number]:
            start = int(np.searchsorted(wait.first, wait.low))
            stop = int(np.searchsorted(wait.last, wait.high, "right"))
            wait.low, wait.high = len(self._shifted[wait.source]), -1
            if start >= stop:
                continue
            events = wait.events[start:stop]
            times = self._shifted[wait.source][wait.after[start:stop]] + wait.add[start:stop]
            moved = np.flatnonzero(times > shifted[events])
            if len(moved):
                events = events[moved]
                shifted[events] = times[moved]
                low, high = min(low, int(events[0])), max(high, int(events[-1]))
        if high < 0:
            return None
        np.maximum.accumulate(shifted[low : high + 1], out=shifted[low : high + 1])
        end = high + 1 + int(np.searchsorted(shifted[high + 1 :], shifted[high]))
        shifted[high + 1 : end] = shifted[high]
        return low, end - 1
