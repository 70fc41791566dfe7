"""Processes: events that happen one after another, and what each of them waits for.

They are the transitions of a timed marked graph, which may fork and join as it likes: an edge goes from any process to
any other. Edges from a process that takes words to the one that brings them are places of the buffer between them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from rebnet.stages.numbers import Integers


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
    places: "Places | None" = None


@dataclass(frozen=True, eq=False)
class Places:
    """What an edge waits for if it is places of a buffer.

    Attributes:
        buffer: its name.
        depth: its words.
        edge: makes the edge for another depth.
    """

    buffer: str
    depth: int
    edge: Callable[[int], Edge]


def placed(buffer: str, edge: Callable[[int], Edge], depth: int) -> Edge:
    """The edge that waits for places of a buffer of `depth` words, which remembers what it is."""
    return replace(edge(depth), places=Places(buffer, depth, partial(placed, buffer, edge)))
