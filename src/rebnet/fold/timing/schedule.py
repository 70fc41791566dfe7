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

import numpy as np

from rebnet.fold.timing.deadlock import refuse_deadlock
from rebnet.fold.timing.process import Process
from rebnet.fold.timing.relaxation import NEVER, NO_PERIOD, relaxation, times_of
from rebnet.stages.numbers import Integers


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
    """The equations of one image behind others."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._relaxation = relaxation(NO_PERIOD)
        numbers = {process: self._relaxation.add_process(process.gaps, False) for process in processes}
        # source, images back, events, awaited events and how long after these
        self._earlier: list[list[tuple[int, int, Integers, Integers, Integers]]] = []
        for number, process in enumerate(processes):
            self._earlier.append([])
            for edge in process.edges:
                source = numbers[edge.source]
                events = np.arange(process.count) if edge.events is None else edge.events
                delays = np.broadcast_to(np.asarray(edge.delay, np.int64), edge.after.shape)
                laps, after = np.divmod(edge.after, edge.source.count)
                for lap in map(int, np.unique(laps)):
                    of = laps == lap
                    wait = events[of], after[of], delays[of]
                    if lap < 0:
                        self._earlier[number].append((source, -lap, *wait))
                    else:
                        self._relaxation.add_wait(number, source, *wait, np.zeros(len(wait[0]), np.int64))
        self._backs = sorted({1, *(back for own in self._earlier for _, back, *_ in own)})

    def times(self, before: Sequence[list[Integers]], same: int | None) -> list[Integers]:
        """When the events happen behind the images `before`, of which number `same` was the last of these processes.

        If all images that this one looks back to come at least so much later than those that image `same` looked back
        to, then so do its own events; if exactly so much, exactly.

        Raises:
            DeadlockError: events wait for each other in a circle.
        """
        least, most = (NEVER, -NEVER) if same is None else self._later(before, same)
        if same is not None and least == most:
            return [times + least for times in before[same]]
        for number, process in enumerate(self._processes):
            own = np.full(process.count, NEVER, dtype=np.int64) if same is None else before[same][number] + least
            if before:
                own[0] = max(own[0], before[-1][number][-1] + process.gaps[0])
            elif process.start:
                own[0] = 0
            for source, back, events, after, delays in self._earlier[number]:
                if back <= len(before):
                    own[events] = np.maximum(own[events], before[-back][source][after] + delays)
            self._relaxation.begin(number, own)
        if self._relaxation.solve() is not None:
            refuse_deadlock(self._processes)
        return times_of(self._relaxation, (process.count for process in self._processes))

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
