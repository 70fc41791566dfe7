"""Deadlocks: events of one image that wait for each other in a circle, so that none of them ever happens.

A circle that goes through an image before costs cycles; one that does not can never begin. Whether there is one does
not depend on time: processes go on, event by event, as far as they can, and who cannot finish the image waits for
another that cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rebnet.errors import DeadlockError
from rebnet.fold.timing.process import Edge, Process
from rebnet.stages.numbers import Integers

_AMPLE = 1 << 40


@dataclass(frozen=True)
class Stuck:
    """A process whose next event never happens, and the edge that it waits for."""

    process: Process
    edge: Edge


def refuse_deadlock(processes: Sequence[Process]) -> None:
    """Raise `DeadlockError` where events of an image, whose processes these are, wait for each other in a circle."""
    edges = [process.edges for process in processes]
    circle = deadlock(processes, edges)
    if circle is None:
        return
    said = ", ".join(f"{stuck.process.name} waits for {_awaited(stuck.edge)}" for stuck in circle)
    least = least_depths(processes, edges)
    if least is None:
        raise DeadlockError(f"deadlock: {said}, and so on in a circle, whatever the depths are; no word moves")
    depths = {edge.places.buffer: edge.places.depth for own in edges for edge in own if edge.places}
    shallow = " and ".join(f"fifo {name}: depth={depths[name]}" for name in least)
    enough = " and ".join(f"at least {depth} words for {name}" for name, depth in least.items())
    raise DeadlockError(f"{shallow} makes a deadlock: {said}, and so on in a circle; use {enough}")


def _awaited(edge: Edge) -> str:
    if edge.places is None:
        return edge.source.name
    return f"{edge.source.name} to free a place in {edge.places.buffer} ({edge.places.depth} words)"


def least_depths(processes: Sequence[Process], edges: Sequence[Sequence[Edge]]) -> Mapping[str, int] | None:
    """Depths of as few buffers as one finds, each the least, with which nothing waits in a circle; None if none do."""
    own = [list(each) for each in edges]
    deepened: dict[str, int] = {}
    while (circle := deadlock(processes, own)) is not None:
        names = [stuck.edge.places.buffer for stuck in circle if stuck.edge.places is not None]
        name = next((name for name in names if name not in deepened), None)
        if name is None:
            return None
        deepened[name] = _AMPLE
        own = _with_depth(own, name, _AMPLE)
    for name in deepened:
        low, high = 1, _AMPLE
        while low < high:
            middle = (low + high) // 2
            if deadlock(processes, _with_depth(own, name, middle)) is None:
                high = middle
            else:
                low = middle + 1
        deepened[name], own = high, _with_depth(own, name, high)
    return deepened


def _with_depth(edges: Sequence[Sequence[Edge]], buffer: str, depth: int) -> list[list[Edge]]:
    """The edges with those that wait for places of a buffer made for another depth."""
    return [
        [e.places.edge(depth) if e.places is not None and e.places.buffer == buffer else e for e in own]
        for own in edges
    ]


def deadlock(processes: Sequence[Process], edges: Sequence[Sequence[Edge]]) -> list[Stuck] | None:
    """A circle of processes that wait for each other within an image, each for the next; None if all can finish it."""
    numbers = {process: number for number, process in enumerate(processes)}
    waits = [[(numbers[edge.source], *_ordered(edge, process.count)) for edge in own]
             for process, own in zip(processes, edges, strict=True)]  # fmt: skip
    done = [0] * len(processes)
    blame = [0] * len(processes)  # the edge that each waits for
    followers: list[set[int]] = [set() for _ in processes]
    for number, own in enumerate(waits):
        for source, *_ in own:
            followers[source].add(number)
    dirty, forward = set(range(len(processes))), True
    while dirty:
        for number in sorted(dirty, reverse=not forward):
            dirty.discard(number)
            most = processes[number].count
            for place, (source, events, latest) in enumerate(waits[number]):
                first = int(latest.searchsorted(done[source]))  # the first that waits for what is not done
                if first < len(events) and events[first] < most:
                    most, blame[number] = int(events[first]), place
            if most > done[number]:
                done[number] = most
                dirty |= followers[number]
        forward = not forward
    unfinished = [number for number, process in enumerate(processes) if done[number] < process.count]
    if not unfinished:
        return None
    number, trail = unfinished[0], list[int]()
    while number not in trail:
        trail.append(number)
        number = waits[number][blame[number]][0]
    return [Stuck(processes[each], edges[each][blame[each]]) for each in trail[trail.index(number) :]]


def _ordered(edge: Edge, count: int) -> tuple[Integers, Integers]:
    """The events that wait, and up to which event of the source each of them and those before it wait."""
    events = np.arange(count) if edge.events is None else edge.events
    return events, np.maximum.accumulate(edge.after)
