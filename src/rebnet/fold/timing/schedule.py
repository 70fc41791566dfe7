"""Schedules: when every event of a system of queues and servers happens, all of them as soon as they can.

An accelerator is made of processes that do one thing after another: a link moves words, a sequencer issues them. Each
event waits for the one before it in its own process and for events of others, a word that must have come in or a
place that must have become free, and happens as soon as the last of these is long enough ago:

    t_k = max(t_{k-1} + gap_k, max over edges (t'_{f(k)} + delay)).

The least solution of these equations is what the hardware does, cycle by cycle, because ready and valid depend on
registers only and stay once they are there. It is found by letting every process follow the others until nothing
changes; a whole process follows in a few operations on arrays.

An image repeats the events of the image before, and waits only for itself and for images before it: here the equations
are solved for one image after another, `rebnet.fold.timing.pace` solves them for a run without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebnet.fold.timing.deadlock import refuse_deadlock
from rebnet.fold.timing.process import Process
from rebnet.stages.numbers import Integers

NEVER = -(1 << 60)
"""When an event happens that waits for nothing."""


@dataclass(eq=False)
class _Wait:
    """An edge within an image: shifted[events] >= shifted of `source` at `after`, plus `add`.

    `first` and `last` tell which of its entries a range of events of `source` can move. `low` and `high` are the range
    that moved since the edge was last looked at.
    """

    source: int
    events: Integers
    after: Integers
    add: Integers
    first: Integers
    last: Integers
    low: int = 0
    high: int = -1


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
        made = {id(image): image for image in images}
        solvers = {each: _Image(image) for each, image in made.items()}
        runs: list[list[Integers]] = []
        last: dict[int, int] = {}
        for number, image in enumerate(images):
            runs.append(solvers[id(image)].times(runs, last.get(id(image))))
            last[id(image)] = number
        self.times = [np.concatenate(own) for own in zip(*runs, strict=True)]


class _Image:
    """The equations of one image behind others.

    An event's time less its process's gaps up to it, in the image, is called shifted: it never falls from one event
    to the next.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        numbers = {process: number for number, process in enumerate(processes)}
        self._bases = [np.cumsum(process.gaps) for process in processes]
        self._waits: list[list[_Wait]] = []
        self._followers: list[list[tuple[int, _Wait]]] = [[] for _ in processes]
        # source, images back, events, awaited events and what to add to their times
        self._earlier: list[list[tuple[int, int, Integers, Integers, Integers]]] = []
        for number, process in enumerate(processes):
            self._waits.append([])
            self._earlier.append([])
            for edge in process.edges:
                source = numbers[edge.source]
                events = np.arange(process.count) if edge.events is None else edge.events
                add = np.broadcast_to(np.asarray(edge.delay, np.int64), edge.after.shape) - self._bases[number][events]
                laps, after = np.divmod(edge.after, edge.source.count)
                for lap in map(int, np.unique(laps)):
                    of = laps == lap
                    if lap < 0:
                        self._earlier[number].append((source, -lap, events[of], after[of], add[of]))
                        continue
                    index = edge.after[of]
                    first = np.maximum.accumulate(index)
                    latest = np.minimum.accumulate(index[::-1])[::-1]
                    wait = _Wait(source, events[of], index, add[of] + self._bases[source][index], first, latest)
                    self._waits[number].append(wait)
                    self._followers[source].append((number, wait))
        self._backs = sorted({1, *(back for own in self._earlier for _, back, *_ in own)})

    def times(self, before: Sequence[list[Integers]], same: int | None) -> list[Integers]:
        """When the events happen behind the images `before`, of which number `same` was the last of these processes.

        If all images that this one looks back to come at least so much later than those that image `same` looked back
        to, then so do its own events; if exactly so much, exactly.
        """
        least, most = (NEVER, -NEVER) if same is None else self._later(before, same)
        if same is not None and least == most:
            return [times + least for times in before[same]]
        shifted = []
        for number, (process, base) in enumerate(zip(self._processes, self._bases, strict=True)):
            own = np.full(process.count, NEVER, dtype=np.int64)
            if same is not None:
                own = before[same][number] - base + least
            if before:
                own[0] = max(own[0], before[-1][number][-1])
            elif process.start:
                own[0] = -base[0]
            for source, back, events, after, add in self._earlier[number]:
                if back <= len(before):
                    own[events] = np.maximum(own[events], before[-back][source][after] + add)
            shifted.append(np.maximum.accumulate(own, out=own))
        self._solve(shifted)
        return [own + base for own, base in zip(shifted, self._bases, strict=True)]

    def _later(self, before: Sequence[list[Integers]], same: int) -> tuple[int, int]:
        """The least and the most cycles by which what this image looks back to is later than for image `same`."""
        least, most = [], []
        for back in self._backs:
            if len(before) < back:  # both look back to nothing
                break
            if same < back:  # it looked back to nothing, and to cycle 0
                most.append(-NEVER)
                if back == 1:
                    for process, times in zip(self._processes, before[-1], strict=True):
                        least.append(int(times[-1]) + int(process.gaps[0]) - (0 if process.start else NEVER))
                continue
            for now, then in zip(before[-back], before[same - back], strict=True):
                steps = now - then
                least.append(int(steps.min()))
                most.append(int(steps.max()))
        return min(least), max(most)

    def _solve(self, shifted: list[Integers]) -> None:
        """Let every process follow the others until none has to wait any more."""
        for number, followers in enumerate(self._followers):
            for _, wait in followers:
                wait.low, wait.high = 0, len(shifted[number]) - 1
        dirty = set(range(len(shifted)))
        forward, sweeps = True, 0
        patience = max(map(len, shifted))  # most images take fewer sweeps by far
        while dirty:
            if sweeps == patience:
                refuse_deadlock(self._processes)
            sweeps += 1
            for number in range(len(shifted)) if forward else range(len(shifted) - 1, -1, -1):
                if number in dirty:
                    dirty.discard(number)
                    moved = self._follow(number, shifted)
                    if moved is not None:
                        for follower, wait in self._followers[number]:
                            wait.low, wait.high = min(wait.low, moved[0]), max(wait.high, moved[1])
                            dirty.add(follower)
            forward = not forward

    def _follow(self, number: int, shifted: Sequence[Integers]) -> tuple[int, int] | None:
        """Let one process follow the others; the first and last event that moved, or None."""
        own = shifted[number]
        low, high = len(own), -1
        for wait in self._waits[number]:
            start = int(np.searchsorted(wait.first, wait.low))
            stop = int(np.searchsorted(wait.last, wait.high, "right"))
            wait.low, wait.high = len(shifted[wait.source]), -1
            if start >= stop:
                continue
            events = wait.events[start:stop]
            times = shifted[wait.source][wait.after[start:stop]] + wait.add[start:stop]
            moved = np.flatnonzero(times > own[events])
            if len(moved):
                events = events[moved]
                own[events] = times[moved]
                low, high = min(low, int(events[0])), max(high, int(events[-1]))
        if high < 0:
            return None
        np.maximum.accumulate(own[low : high + 1], out=own[low : high + 1])
        end = high + 1 + int(np.searchsorted(own[high + 1 :], own[high]))
        own[high + 1 : end] = own[high]
        return low, end - 1
