"""Branches are walked one after another: what waits meanwhile, and how streams are left and taken up again.

A stream that waits for a unit of its own waits as words. One that waits for a join does so as what the join makes of
it: the width in which words meet is guessed when the first source arrives, each that arrives pays its converter to that
width, and a guess ends where other words would meet. So the sources of a join need not be known together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rebnet.errors import BreadthError
from rebnet.fold.search.edges import Edges, bare
from rebnet.ir.network import PIXELS, Network
from rebnet.stages.accelerator import Accelerator, Unit
from rebnet.stages.branches import Branch, Meeting
from rebnet.stages.features import Fork, Skip
from rebnet.stages.numbers import Integers
from rebnet.stages.places import Place

MOST_STATES = 1024
"""Of what may wait at a time: the search's time and memory grow with them."""


class Waiting(NamedTuple):
    """What waits: words of `elements` elements, and for a join what has arrived (`Meeting.arrived`)."""

    elements: int
    arrived: int = 0


State = Mapping[str, Waiting]
"""What waits, by the name of a value, or of a join."""


@dataclass(frozen=True)
class Boundary:
    """What may stand between two units.

    Attributes:
        words: elements of the words that flow, by the number of a node.
        value: what flows.
        states: what may wait, by the number of a copy.
    """

    words: Sequence[int]
    value: str = PIXELS
    states: Sequence[State] = ({},)

    @property
    def copies(self) -> int:
        """Copies of the nodes and of what leads on from them."""
        return len(self.states)

    def behind(self, value: str, words: Sequence[int]) -> "Boundary":
        """The boundary behind a unit that gives a value in these words."""
        return Boundary(words, value, self.states)


class Walk:
    """The order in which the branches of a network are walked.

    Args:
        network: a lowered network.
        places: of the network, in order.
        serial: its accelerator at any folding.
        cost: of a unit at likely depths.
    """

    def __init__(
        self,
        network: Network,
        places: Sequence[Place | Branch],
        serial: Accelerator,
        cost: Callable[[Unit], Integers],
    ) -> None:
        self._name, self._cost = network.name, cost
        self._number = {place.nodes[0]: number for number, place in enumerate(places)}
        self._readers: dict[str, list[Place | Branch]] = {}
        for value, users in network.users.items():
            own = dict.fromkeys(user.name for user in users)
            self._readers[value] = [places[self._number[name]] for name in own if name in self._number]
        self._meetings: dict[tuple[str, int], Meeting] = {}
        self._forks: dict[str, list[Fork | Skip]] = {}
        for unit in serial.units:
            if isinstance(unit, Fork | Skip):
                self._forks.setdefault(unit.name, []).append(unit)

    def turn(self, boundary: Boundary, place: Place | Branch, pace: int) -> tuple[Edges, Boundary] | None:
        """From what flows to what a place takes; None where the place alone takes what flows.

        Args:
            boundary: behind the units of the places before.
            place: the one that comes next.
            pace: cycles per image of the slowest layer at the fewest levels that are served.

        Raises:
            BreadthError: too much may wait at a time.
        """
        value = boundary.value
        if self._readers[value] == [place] and not _joins(place):
            return None
        edges: list[tuple[int, int, int, Integers]] = []
        states: dict[tuple[tuple[str, Waiting], ...], int] = {}
        words: dict[int, int] = {}
        for copy, before in enumerate(boundary.states):
            for node, elements in enumerate(boundary.words):
                for arrived, cost in self._arrivals(value, elements, before, pace):
                    taken = self._taken(arrived, place)
                    if taken is None:
                        continue
                    state = states.setdefault(tuple(taken[0].items()), len(states))
                    if state == MOST_STATES:
                        raise BreadthError(
                            f"network {self._name}: in front of {place.nodes[0]} more than {MOST_STATES} combinations "
                            f"of words may wait ({', '.join(taken[0])}), and the exact search follows no more; say "
                            "--folding balanced"
                        )
                    word = words.setdefault(taken[1], len(words))
                    edges.append((copy * len(boundary.words) + node, state, word, cost))
        flat = [(source, state * len(words) + word, cost) for source, state, word, cost in edges]
        behind = Boundary(tuple(words), value, tuple(dict(state) for state in states))
        return bare(flat, len(words) * len(states)), behind

    def _arrivals(self, value: str, elements: int, before: State, pace: int) -> Iterator[tuple[State, Integers]]:
        """What may wait once words of a value have come to all that read it, and what stands in between."""
        cost = sum((self._cost(unit.at(elements)) for unit in self._forks.get(value, ())), np.zeros(4, np.int64))
        found: list[tuple[State, Integers]] = [(before, cost)]
        for reader in self._readers[value]:
            if not isinstance(reader, Branch) or not _joins(reader):
                found = [({**state, value: Waiting(elements)}, cost) for state, cost in found]
                continue
            for number, source in enumerate(reader.sources):
                if source == value:
                    found = [more for own in found for more in self._met(reader, number, elements, own, pace)]
        yield from found

    def _met(
        self, join: Branch, number: int, elements: int, own: tuple[State, Integers], pace: int
    ) -> Iterator[tuple[State, Integers]]:
        """What may wait once words have come to a join as its source of that number."""
        (state, cost), name, meeting = own, join.node.name, self._meeting(join, pace)
        before = state.get(name)
        for lanes in meeting.enough if before is None else (before.elements,):
            arrived = meeting.arrived(lanes, elements, 0 if before is None else before.arrived)
            if arrived is None:
                continue
            front = sum((self._cost(unit) for unit in join.front(number, elements, lanes)), cost)
            yield {**state, name: Waiting(lanes, arrived)}, front

    def _meeting(self, join: Branch, pace: int) -> Meeting:
        key = join.node.name, pace
        if key not in self._meetings:
            self._meetings[key] = join.meeting(pace)
        return self._meetings[key]

    def _taken(self, state: State, place: Place | Branch) -> tuple[State, int] | None:
        """What a place leaves waiting, and elements of the words that it takes; None where other words meet in it."""
        name = place.nodes[0] if _joins(place) else _sources(place)[0]
        taken = state[name]
        if _joins(place) and taken.arrived == 1:
            return None
        later = self._number[place.nodes[0]]
        again = not _joins(place) and any(
            self._number[reader.nodes[0]] > later for reader in self._readers[name] if not _joins(reader)
        )
        return {key: own for key, own in state.items() if key != name or again}, taken.elements


def _sources(place: Place | Branch) -> tuple[str, ...]:
    return place.sources if isinstance(place, Branch) else (place.source,)


def _joins(place: Place | Branch) -> bool:
    return len(_sources(place)) > 1
