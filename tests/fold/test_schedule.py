"""Schedules against a loop that lets one event after another happen, and against circles worked out by hand."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from rebnet.fold.timing import relaxation
from rebnet.fold.timing.pace import Circle, Pace
from rebnet.fold.timing.process import Edge, Process
from rebnet.fold.timing.schedule import Schedule


@pytest.fixture(params=["numpy", "C++"], autouse=True)
def engine(request, monkeypatch):
    """Who finds the times of a pace."""
    if request.param == "numpy":
        monkeypatch.setattr(relaxation, "native", None)
    elif relaxation.native is None:
        pytest.skip("rebnet was installed without a C++ compiler")


def after_cuts(pace: Pace) -> list[np.ndarray]:
    return relaxation.times_of(pace._relaxation, map(len, pace.times))


def one_by_one(images: Sequence[Sequence[Process]]) -> list[list[int]]:
    """When every event of every process happens, from nothing but what `Process` says of itself."""
    count = [process.count for process in images[0]]
    times: list[list[int]] = [[] for _ in count]
    moved = True
    while moved:
        moved = False
        for number, own in enumerate(times):
            while len(own) < len(images) * count[number]:
                cycle = next_event(images, number, times)
                if cycle is None:
                    break
                own.append(cycle)
                moved = True
    assert [len(own) for own in times] == [len(images) * each for each in count], "these processes wait for each other"
    return times


def next_event(images: Sequence[Sequence[Process]], number: int, times: list[list[int]]) -> int | None:
    """The cycle of a process's next event; None while it waits for one that has none yet."""
    lap, event = divmod(len(times[number]), images[0][number].count)
    processes = images[lap]
    process = processes[number]
    earliest = []
    if times[number]:
        earliest.append(times[number][-1] + int(process.gaps[event]))
    elif process.start:
        earliest.append(0)
    for edge in process.edges:
        waits = range(process.count) if edge.events is None else [int(waiting) for waiting in edge.events]
        if event not in waits:
            continue
        place = waits.index(event)
        source = processes.index(edge.source)
        awaited = int(edge.after[place]) + lap * edge.source.count
        if awaited < 0:
            continue
        if awaited >= len(times[source]):
            return None
        delay = edge.delay if isinstance(edge.delay, int) else int(edge.delay[place])
        earliest.append(times[source][awaited] + delay)
    return max(earliest)


class Draw:
    """Random processes that cannot wait for each other in a circle: every event waits for earlier parts of images.

    Images share counts and edges; gaps and delays are each image's own, and so is the last edge, which some lack.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.counts = [int(count) for count in self.rng.integers(1, 7, int(self.rng.integers(1, 6)))]
        self.edges: list[tuple[int, int, np.ndarray | None, np.ndarray]] = []
        for number in range(len(self.counts) - 1):
            self.add(number + 1, number)
            if self.rng.random() < 0.8:
                self.add(number, number + 1)
        for _ in range(int(self.rng.integers(0, 4))):
            self.add(*(int(n) for n in self.rng.integers(0, len(self.counts), 2)))

    def add(self, waiting: int, source: int) -> None:
        """An edge of all events or some; none waits for a later part of an image than its own."""
        own, other = self.counts[waiting], self.counts[source]
        some = np.flatnonzero(self.rng.random(own) < 0.6)
        events = None if self.rng.random() < 0.5 or len(some) == 0 else some
        part = np.arange(own) if events is None else events
        back = source >= waiting
        latest = -(-(part + 1) * other // own) - 2 if back else (part + 1) * other // own - 1
        slack = self.rng.integers(0, (other if back else 0) + 2)
        self.edges.append((waiting, source, events, latest - slack - self.rng.integers(0, 2, len(part))))

    def image(self, extra: bool = True) -> list[Process]:
        rng = self.rng
        processes = [Process(f"process {n}", rng.integers(0, 3, each), True) for n, each in enumerate(self.counts)]
        for waiting, source, events, after in self.edges if extra else self.edges[:-1]:
            delay = int(rng.integers(0, 10)) if rng.random() < 0.5 else rng.integers(0, 10, len(after))
            processes[waiting].wait(processes[source], after, delay, events)
        return processes


def test_every_event_happens_as_soon_as_it_can():
    for seed in range(300):
        draw = Draw(seed)
        images = [draw.image(extra=bool(draw.rng.random() < 0.7)) for _ in range(int(draw.rng.integers(1, 8)))]
        schedule = Schedule(images)
        assert schedule.images == len(images)
        assert [[int(cycle) for cycle in own] for own in schedule.times] == one_by_one(images), seed


def test_images_that_come_again():
    """What is known of the images before is all there is to be known, in any order of a few that repeat."""
    for seed in range(150):
        draw = Draw(seed)
        some = [draw.image(extra=bool(draw.rng.random() < 0.7)) for _ in range(int(draw.rng.integers(1, 4)))]
        turns = np.arange(24) % len(some) if seed % 2 else draw.rng.integers(0, len(some), 24)
        images = [some[turn] for turn in turns]
        assert [[int(cycle) for cycle in own] for own in Schedule(images).times] == one_by_one(images), seed


def test_a_process_that_only_follows():
    """It has no cycle 0 of its own: all its events happen with what they wait for."""
    source = Process("source", np.array([3, 1, 1]), start=True)
    follower = Process("follower", np.array([0, 0]))
    follower.wait(source, np.array([0, 2]), delay=2)
    assert [own.tolist() for own in Schedule([[source, follower]] * 2).times] == [[0, 1, 2, 5, 6, 7], [2, 4, 7, 9]]


def slowest(processes: Sequence[Process]) -> Fraction:
    """The mean of the circle that costs most."""
    cycles = Fraction(0)
    while (circle := Pace(processes, cycles).solve()) is not None:
        assert circle.mean > cycles
        cycles = circle.mean
    return cycles


@pytest.mark.parametrize("seed", range(60))
def test_the_pace_of_a_long_run(seed):
    """The circle that costs most, found from below, is the pace of the slowest process of a long run."""
    processes = Draw(seed).image()
    cycles = slowest(processes)
    times = one_by_one([processes] * 420)
    for start, stop in pairwise(range(60, 480, 60)):
        took = [
            own[stop * process.count - 1] - own[start * process.count - 1]
            for process, own in zip(processes, times, strict=True)
        ]
        assert max(took) == 60 * cycles


@pytest.mark.parametrize("seed", range(60))
def test_times_of_a_run_without_end(seed):
    """At its own pace and any slower one, every event of an image keeps all that `Process` says."""
    processes = Draw(seed).image()
    cycles = slowest(processes)
    for period in (cycles, cycles + Fraction(1, 3), cycles + 5):
        pace = Pace(processes, period)
        assert pace.solve() is None
        assert Fraction(pace.period, pace.scale) == period
        for process, times in zip(processes, pace.times, strict=True):
            assert times[0] >= times[-1] - pace.period + pace.scale * process.gaps[0]
            assert (np.diff(times) >= pace.scale * process.gaps[1:]).all()
            assert all(pace.meets(process, edge) for edge in process.edges)
            for edge in process.edges:
                laps, events = np.divmod(edge.after, edge.source.count)
                waiting = times if edge.events is None else times[edge.events]
                awaited = pace.times[processes.index(edge.source)][events] + laps * pace.period
                assert (waiting >= awaited + pace.scale * np.asarray(edge.delay)).all()


def ring(events: int, places: int) -> tuple[Process, Process]:
    """Words that take 5 cycles one way, and as many places, each free again 2 cycles later."""
    here, there = Process("here", np.ones(events, np.int64), start=True), Process("there", np.ones(events, np.int64))
    there.wait(here, np.arange(events), 5)
    here.wait(there, np.arange(events) - places, 2)
    return here, there


@pytest.mark.parametrize(
    ("events", "places", "mean"),
    [(1, 1, 7), (3, 1, 21), (1, 2, Fraction(7, 2)), (3, 2, Fraction(21, 2)), (5, 4, Fraction(35, 4))],
)
def test_a_circle_known_by_hand(events, places, mean):
    """Each place passes a word every 7 cycles, whichever image it belongs to."""
    processes = ring(events, places)
    circle = Pace(processes, events).solve()
    assert circle == Circle(Fraction(mean))
    pace = Pace(processes, circle.mean)
    assert pace.solve() is None
    assert pace.limits() == {(0, 0), (1, 0)}
    assert Pace(processes, circle.mean - Fraction(1, 1000)).solve() == circle


def test_a_process_that_is_slow_by_itself():
    """No edge is to blame: its own gaps are more than the period."""
    here, there = ring(3, 7)
    here.gaps[1] = 9
    assert Pace([here, there], 10).solve() == Circle(Fraction(11))
    pace = Pace([here, there], 11)
    assert pace.solve() is None
    assert pace.limits() == frozenset()


def test_only_the_edges_of_the_circle_are_named():
    """A bystander in front, one behind, and a second ring with time to spare."""
    here, there = ring(2, 1)
    source, sink = Process("source", np.ones(2, np.int64), start=True), Process("sink", np.ones(2, np.int64))
    here.wait(source, np.arange(2))
    source.wait(here, np.arange(2) - 3)
    sink.wait(there, np.arange(2))
    there.wait(sink, np.arange(2) - 4)
    processes = [source, here, there, sink]
    assert Pace(processes, 2).solve() == Circle(Fraction(14))
    pace = Pace(processes, 14)
    assert pace.solve() is None
    assert pace.limits() == {(1, 0), (2, 0)}


def test_a_circle_may_skip_images():
    """One event an image that waits 10 cycles for the image three before: 10 cycles in three images."""
    process = Process("process", np.array([1]), start=True)
    process.wait(process, np.array([-3]), 10)
    assert Pace([process], 1).solve() == Circle(Fraction(10, 3))
    pace = Pace([process], Fraction(10, 3))
    assert pace.solve() is None
    assert pace.limits() == {(0, 0)}
    times = Schedule([[process]] * 7).times[0]
    assert times.tolist() == [0, 1, 2, 10, 11, 12, 20]


def test_other_depths_on_the_same_schedule():
    here, there = ring(3, 2)
    pace = Pace([here, there], Fraction(21, 2))
    assert pace.solve() is None
    edges = {places: Edge(there, None, np.arange(3) - places, 2) for places in (1, 2, 3)}
    assert not pace.meets(here, edges[1])
    assert pace.meets(here, edges[2])
    assert pace.meets(here, edges[3])
    assert not pace.cut(here, 0, edges[1])
    assert pace.cut(here, 0, edges[2])  # as it was
    slower = Pace([here, there], 21)
    assert slower.solve() is None
    assert slower.cut(here, 0, edges[1])
    fresh = Pace(ring(3, 1), 21)
    assert fresh.solve() is None
    assert [own.tolist() for own in after_cuts(slower)] == [own.tolist() for own in fresh.times]
    slower.undo()
    assert [own.tolist() for own in after_cuts(slower)] == [own.tolist() for own in slower.times]
