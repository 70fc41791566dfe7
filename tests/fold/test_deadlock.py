"""Forks and joins: both solvers say of a marked graph what a plain simulation of it does, deadlocks included."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebnet.errors import DeadlockError, FoldingError
from rebnet.fold.timing.cycle_model import paced, peaks
from rebnet.fold.timing.deadlock import deadlock, least_depths
from rebnet.fold.timing.process import Edge, Process, placed
from rebnet.fold.timing.processes import Filling, MarkedGraph
from rebnet.fold.timing.schedule import Schedule

WORDS = 6
"""Words of an image on every stream."""


class Draw:
    """A marked graph that is put together stream by stream; every stream has a buffer."""

    def __init__(self, depths):
        self.depths = depths
        self.processes, self.fillings = [], []
        self.source = self.process(start=True)

    def process(self, gap=1, start=False):
        self.processes.append(Process(f"p{len(self.processes)}", np.full(WORDS, gap), start))
        return self.processes[-1]

    def stream(self, source, target, batch=1, latency=1):
        """Words from `source` to `target`, which begins when a whole batch is there, and takes a word an event."""
        words = np.arange(WORDS)
        target.wait(source, np.minimum((words // batch + 1) * batch, WORDS) - 1, latency)
        name = f"buffer {len(self.fillings)}"
        depth = self.depths[len(self.fillings) % len(self.depths)]

        def edge(places):
            return placed(name, lambda own: Edge(target, None, words - own), places)

        source.edges.append(edge(depth))
        counted = words + 1
        self.fillings.append(Filling(name, source, counted, target, counted, True, source, len(source.edges) - 1, edge))
        return target

    @property
    def graph(self):
        return MarkedGraph(self.processes, self.fillings, self.processes[-1])


def simulated(graph, images):
    """Cycles of all events, found cycle by cycle from what `Process` says; None where nothing happens any more."""
    times = [[] for _ in graph.processes]
    patience = 3 + max(int(np.max(edge.delay)) for process in graph.processes for edge in process.edges)
    patience += max(int(process.gaps.max()) for process in graph.processes)
    cycle = last = 0
    while any(len(own) < images * process.count for own, process in zip(times, graph.processes, strict=True)):
        if cycle > last + patience:
            return None
        for own, process in zip(times, graph.processes, strict=True):
            if len(own) < images * process.count and can_happen(graph, process, own, times, cycle):
                own.append(cycle)
                last = cycle
        cycle += 1
    return times


def can_happen(graph, process, own, times, cycle):
    lap, event = divmod(len(own), process.count)
    if own and own[-1] + process.gaps[event] > cycle:
        return False
    for edge in process.edges:
        awaited = int(edge.after[event]) + lap * edge.source.count
        if awaited < 0:
            continue
        source = times[graph.numbers[edge.source]]
        if awaited >= len(source) or source[awaited] + int(edge.delay) > cycle:
            return False
    return True


def fullest(graph, times):
    """The most words that stand in every buffer at the end of a cycle."""
    found = {}
    for filling in graph.fillings:
        came, went = (np.array(times[graph.numbers[process]]) for process in (filling.came, filling.went))
        found[filling.buffer] = max(int((came <= cycle).sum() - (went <= cycle).sum()) for cycle in came)
    return found


def agree(graph):
    """Both solvers and the simulation say the same."""
    times = simulated(graph, 4)
    edges = [process.edges for process in graph.processes]
    if times is None:
        for solve in (lambda: Schedule([graph.processes] * 4), lambda: paced(graph, 1)):
            with pytest.raises(DeadlockError, match=r"makes a deadlock: p\d+ waits for p\d+.*; use at least \d+ words"):
                solve()
        return "deadlock"
    assert deadlock(graph.processes, edges) is None
    schedule = Schedule([graph.processes] * 4)
    assert [own.tolist() for own in schedule.times] == times
    assert peaks(graph, schedule) == fullest(graph, times)
    pace, _ = paced(graph, 1)
    cycles = Fraction(pace.period, pace.scale)
    images = 4 * cycles.denominator
    long = simulated(graph, 30 + 2 * images)
    sink = long[graph.numbers[graph.sink]]
    assert sink[-1] - sink[-1 - images * WORDS] == images * cycles
    return cycles


def series_parallel(draw, graph, source, depth):
    """A random block behind `source`: a unit, two blocks in series, or a fork of two that join."""
    kind = draw(st.sampled_from(["unit", "series", "parallel"] if depth else ["unit"]))
    if kind == "unit":
        target = graph.process(draw(st.integers(1, 3)))
        return graph.stream(source, target, draw(st.sampled_from([1, 2, 3, 6])), draw(st.integers(1, 5)))
    if kind == "series":
        return series_parallel(draw, graph, series_parallel(draw, graph, source, depth - 1), depth - 1)
    ends = [series_parallel(draw, graph, source, depth - 1), source]
    if draw(st.booleans()):
        ends[1] = series_parallel(draw, graph, source, depth - 1)
    join = graph.process()
    for end in ends:
        graph.stream(end, join, 1, draw(st.integers(1, 3)))
    return join


@st.composite
def graphs(draw):
    graph = Draw(draw(st.lists(st.integers(1, 9), min_size=1, max_size=8)))
    series_parallel(draw, graph, graph.source, 3)
    return graph.graph


@given(graphs())
@settings(max_examples=120, deadline=None)
def test_the_solvers_do_what_a_simulation_does(graph):
    agree(graph)


def skip(depth, main=2):
    """A fork into a deep main path, whose unit needs 4 words before it begins, and a skip; they join again."""
    graph = Draw([4, main, depth])
    deep = graph.stream(graph.source, graph.process(), batch=3, latency=4)
    join = graph.process()
    graph.stream(deep, join)
    graph.stream(graph.source, join)
    return graph.graph


def test_a_skip_that_is_too_shallow():
    """The main path gives nothing before 3 words are in, and the skip has to keep these: it needs 3 places."""
    assert [agree(skip(depth)) == "deadlock" for depth in (1, 2, 3, 4, 9)] == [True, True, False, False, False]
    message = (
        "fifo buffer 2: depth=2 makes a deadlock: p0 waits for p2 to free a place in buffer 2 (2 words), p2 waits for "
        "p1, p1 waits for p0, and so on in a circle; use at least 3 words for buffer 2"
    )
    for solve in (lambda graph: Schedule([graph.processes] * 2), lambda graph: paced(graph, 6)):
        with pytest.raises(FoldingError) as caught:
            solve(skip(2))
        assert str(caught.value) == message


def test_the_least_depths_are_the_least():
    graph = skip(1, 1)
    edges = [process.edges for process in graph.processes]
    assert least_depths(graph.processes, edges) == {"buffer 2": 3}


def test_a_circle_that_no_depth_opens():
    here, there = Process("here", np.ones(2, np.int64), start=True), Process("there", np.ones(2, np.int64))
    here.wait(there, np.arange(2))
    there.wait(here, np.arange(2))
    for solve in (lambda: Schedule([[here, there]]), lambda: paced(MarkedGraph([here, there], [], there), 5)):
        with pytest.raises(DeadlockError, match=r"^deadlock: here waits for there, there waits for here, and so on"):
            solve()
