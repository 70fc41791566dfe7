"""The cheapest path through a graph of choices, and the proof that no other is cheaper.

A path is as expensive as the largest share that it takes of the device's LUT, block RAM or multipliers, and among
equals as the sum of these shares. Bounds come from weighted sums: whatever the weights are, the shortest path of
weighted shares is no longer than the largest share of the best path. Edges that are on no path short enough are left
out; what is left is searched in full, node by node, and a partial path is dropped only where another to the same node
takes no more of anything, or where the bounds say that it cannot end below the best path known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.fold.search.edges import TOLERANCE, Edges
from rebnet.stages.numbers import Integers

Floats = NDArray[np.float64]
_ROUNDS = 40
_WEIGHTS_KEPT = 6
_BLOCK = 1 << 21


@dataclass(frozen=True)
class Path:
    """A path: its edge in every step, what it takes, its largest share and the sum of its shares."""

    edges: tuple[int, ...]
    costs: Integers
    largest: float
    total: float

    @property
    def key(self) -> tuple[float, float]:
        """What the cheapest path has the least of."""
        return self.largest, self.total


@dataclass(frozen=True)
class Outcome:
    """What a search of one graph found.

    `path` is None where every path takes more than was allowed; `bound` is then what each takes at least. `labels` are
    the partial paths that were looked at, `weights` those of the sharpest bound.
    """

    path: Path | None
    bound: float
    labels: int
    weights: Floats


class _Graph:
    """A graph with shares of a device, as it shrinks.

    Attributes:
        steps: the edges that are left.
        numbers: of each step's edges, in the steps that were given.
        sizes: nodes of each boundary.
    """

    def __init__(self, steps: Sequence[Edges], device: Floats) -> None:
        self.steps = list(steps)
        self.numbers = [np.arange(len(step.costs)) for step in steps]
        self.device = device
        self.sizes = [1, *(step.copies * step.nodes for step in steps)]

    def shares(self, step: int) -> Floats:
        shares: Floats = self.steps[step].costs[:, :3] / self.device
        return shares

    def ahead(self, weights: Floats) -> list[Floats]:
        """Shortest weighted ways to the nodes of each boundary, not reached (0) and reached (1) the pace."""
        ways = [np.array([[0.0, np.inf]])]
        for number, step in enumerate(self.steps):
            length = self.shares(number) @ weights
            out = np.empty((step.copies, step.nodes, 2))
            for block in _blocks(step):
                before = ways[-1].reshape(step.copies, -1, 2)[block, step.source]
                late = np.where(step.reaches, before.min(axis=2), before[..., 1]) + length
                early = np.where(step.reaches, np.inf, before[..., 0] + length)
                out[block, :, 0] = step.by_target.least(early, step.nodes)
                out[block, :, 1] = step.by_target.least(late, step.nodes)
            ways.append(out.reshape(-1, 2))
        return ways

    def back(self, weights: Floats) -> list[Floats]:
        """Shortest weighted ways from the nodes of each boundary to the end, in the order of the boundaries."""
        ways = [np.array([[np.inf, 0.0]])]
        for number in range(len(self.steps) - 1, -1, -1):
            step = self.steps[number]
            length, sources = self.shares(number) @ weights, self.sizes[number] // step.copies
            out = np.empty((step.copies, sources, 2))
            for block in _blocks(step):
                after = ways[-1].reshape(step.copies, -1, 2)[block, step.target]
                late = after[..., 1] + length
                early = np.where(step.reaches, after[..., 1], after[..., 0]) + length
                out[block, :, 0] = step.by_source.least(early, sources)
                out[block, :, 1] = step.by_source.least(late, sources)
            ways.append(out.reshape(-1, 2))
        return ways[::-1]

    def shortest(self, weights: Floats, back: list[Floats]) -> Path:
        """The shortest weighted path."""
        node, flag, edges = 0, 0, []
        for number, step in enumerate(self.steps):
            copy, own = divmod(node, self.sizes[number] // step.copies)
            mine = np.flatnonzero(step.source == own)
            flags = np.where(step.reaches[mine], 1, flag)
            targets = copy * step.nodes + step.target[mine]
            rest = back[number + 1][targets, flags] + self.shares(number)[mine] @ weights
            best = int(np.argmin(rest))
            edges.append(int(mine[best]))
            node, flag = int(targets[best]), int(flags[best])
        return self.path(edges)

    def path(self, edges: Sequence[int]) -> Path:
        costs = np.sum([step.costs[edge] for step, edge in zip(self.steps, edges, strict=True)], axis=0)
        shares = costs[:3] / self.device
        numbers = tuple(int(own[edge]) for own, edge in zip(self.numbers, edges, strict=True))
        return Path(numbers, costs, float(shares.max()), float(shares.sum()))

    def prune(self, weights: Floats, back: list[Floats], most: float) -> None:
        """Leave out the edges that are on no path whose weighted length is at most `most`."""
        ahead = self.ahead(weights)
        for number, step in enumerate(self.steps):
            length, kept = self.shares(number) @ weights, np.zeros(len(step.costs), dtype=np.bool_)
            for block in _blocks(step):
                before = ahead[number].reshape(step.copies, -1, 2)[block, step.source]
                after = back[number + 1].reshape(step.copies, -1, 2)[block, step.target]
                through = np.where(
                    step.reaches,
                    before.min(axis=2) + after[..., 1],
                    np.minimum(before[..., 0] + after[..., 0], before[..., 1] + after[..., 1]),
                )
                kept |= through.min(axis=0) + length <= most + TOLERANCE
            if not kept.all():
                self.steps[number] = step.chosen(kept)
                self.numbers[number] = self.numbers[number][kept]


def cheapest(steps: Sequence[Edges], device: Floats, most: float, *, any_will_do: bool = False) -> Outcome:
    """The cheapest path of a graph whose largest share is at most `most`.

    Args:
        steps: the graph, from one node to one node.
        device: LUT, halves of a block RAM and multipliers of the device.
        most: largest share that is of interest, 1 for the whole device.
        any_will_do: stop at the first path that keeps `most`.
    """
    graph = _Graph(steps, np.maximum(device, TOLERANCE))
    best: Path | None = None
    bound = 0.0
    weights = np.full(3, 1 / 3)
    averages = np.zeros(3)
    kept: list[tuple[float, Floats]] = []
    for round_ in range(_ROUNDS):
        back = graph.back(weights)
        length = float(back[0][0, 0])
        bound = max(bound, length)
        if length > most + TOLERANCE:
            return Outcome(best, length, 0, weights)
        path = graph.shortest(weights, back)
        if path.largest <= most + TOLERANCE and (best is None or path.key < best.key):
            best = path
            most = min(most, best.largest)
            if any_will_do:
                return Outcome(best, bound, 0, weights)
        kept.append((length, weights))
        if round_ & (round_ + 1) == 0:
            graph.prune(weights, back, most)
        averages += path.costs[:3] / graph.device
        power = averages / (round_ + 1) / max(float(averages.max()) / (round_ + 1), TOLERANCE)
        weights = np.exp(6.0 * np.sqrt(round_ + 1) * (power - power.max()))
        weights /= weights.sum()
    kept.sort(key=lambda pair: -pair[0])
    chosen = [*(weights for _, weights in kept[:_WEIGHTS_KEPT]), *np.eye(3)]
    for weights in chosen:
        back = graph.back(weights)
        if back[0][0, 0] > most + TOLERANCE:
            return Outcome(best, float(back[0][0, 0]), 0, weights)
        graph.prune(weights, back, most)
    found, labels = _search(graph, chosen, most)
    if found is not None and (best is None or found.key <= best.key):
        best = found
    return Outcome(best, best.largest if best else most, labels, chosen[0])


def _search(graph: _Graph, weights: Sequence[Floats], most: float) -> tuple[Path | None, int]:
    """All partial paths that matter; the best whole one."""
    matrix = np.stack(weights, axis=1) / graph.device[:, None]
    backs = [graph.back(own) for own in weights]
    states: dict[tuple[int, int], tuple[Integers, Integers]] = {(0, 0): (np.zeros((1, 3), np.int64), np.array([-1]))}
    trail: list[tuple[Integers, Integers]] = []  # of every label: the label before it, and its edge
    first = {(0, 0): 0}
    count = 1
    looked = 0
    for number, step in enumerate(graph.steps):
        arrivals: dict[tuple[int, int], list[tuple[Integers, Integers, Integers]]] = {}
        ends = _ends(step)
        for (node, flag), (labels, _) in states.items():
            copy, own = divmod(node, graph.sizes[number] // step.copies)
            for target, reaches in set(ends.get(own, ())):
                edges = ends[own][target, reaches]
                state = copy * step.nodes + target, int(flag or reaches)
                rest = np.array([back[number + 1][state] for back in backs])
                found = _extended(labels, step.costs[edges, :3], matrix, rest, most)
                looked += len(labels) * len(edges)
                arrivals.setdefault(state, []).append((found[0], first[node, flag] + found[1], edges[found[2]]))
        states, first = {}, {}
        befores, taken = [], []
        position = 0
        for state, parts in arrivals.items():
            sums, before, edges = (np.concatenate(column) for column in zip(*parts, strict=True))
            front = _front(sums)
            if len(front) == 0:
                continue
            first[state] = position
            position += len(front)
            states[state] = sums[front], front
            befores.append(before[front])
            taken.append(edges[front])
        if not states:
            return None, looked
        trail.append((np.concatenate(befores), np.concatenate(taken)))
        count += position
    if (0, 1) not in states:
        return None, looked
    shares = states[0, 1][0] / graph.device
    order = np.lexsort((shares.sum(axis=1), shares.max(axis=1)))
    label = first[0, 1] + int(order[0])
    edges_back = []
    for before, edges in reversed(trail):
        edges_back.append(int(edges[label]))
        label = int(before[label])
    return graph.path(edges_back[::-1]), looked


def _blocks(step: Edges) -> Iterator[slice]:
    """The copies of a step, so many at a time that their edges take little memory."""
    size = max(1, _BLOCK // max(len(step.costs), 1))
    return (slice(start, start + size) for start in range(0, step.copies, size))


def _ends(step: Edges) -> dict[int, dict[tuple[int, bool], Integers]]:
    """Edges by the node that they leave, and by the one that they reach and whether they reach the pace."""
    order = np.lexsort((step.reaches, step.target, step.source))
    kinds = np.column_stack([step.source, step.target, step.reaches])[order]
    found: dict[int, dict[tuple[int, bool], Integers]] = {}
    for group in np.split(order, np.flatnonzero((kinds[1:] != kinds[:-1]).any(axis=1)) + 1):
        for edge in group[:1]:
            reached = int(step.target[edge]), bool(step.reaches[edge])
            found.setdefault(int(step.source[edge]), {})[reached] = group
    return found


def _extended(
    labels: Integers, edges: Integers, matrix: Floats, rest: Floats, most: float
) -> tuple[Integers, Integers, Integers]:
    """Sums of every label and edge that may still end within `most`, and the numbers of both."""
    sums, before, after = [], [], []
    rows = max(1, 2_000_000 // max(len(edges), 1))
    ahead = edges @ matrix
    for start in range(0, len(labels), rows):
        part = labels[start : start + rows]
        length = (part @ matrix)[:, None, :] + (ahead + rest)[None, :, :]
        left, right = np.nonzero((length <= most + TOLERANCE).all(axis=2))
        sums.append(part[left] + edges[right])
        before.append(left + start)
        after.append(right)
    return np.concatenate(sums), np.concatenate(before), np.concatenate(after)


def _front(sums: Integers) -> Integers:
    """Places of the sums that no other beats, one of equals."""
    if len(sums) == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((sums[:, 0], sums[:, 2], sums[:, 1]))
    ordered = sums[order]
    changed = np.ones(len(order), dtype=np.bool_)
    changed[1:] = (ordered[1:, 1:] != ordered[:-1, 1:]).any(axis=1)
    order, ordered = order[changed], ordered[changed]
    halves, rams = np.unique(ordered[:, 1], return_inverse=True)
    kinds, multipliers = np.unique(ordered[:, 2], return_inverse=True)
    table = np.full((len(halves) + 1, len(kinds) + 1), np.iinfo(np.int64).max)
    rams, multipliers = rams.reshape(-1), multipliers.reshape(-1)
    table[rams + 1, multipliers + 1] = ordered[:, 0]
    least = np.minimum.accumulate(np.minimum.accumulate(table, axis=0), axis=1)
    other = np.minimum(least[rams, multipliers + 1], least[rams + 1, multipliers])
    kept: Integers = order[ordered[:, 0] < other]
    return kept
