"""Steps of a graph of accelerators: edges with what they take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rebnet.fold.search.fronts import Foldings
from rebnet.stages.numbers import Integers

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Groups:
    """Edges in groups: their order, the first of each group in it, and the node of each group."""

    order: Integers
    starts: Integers
    nodes: Integers

    @classmethod
    def of(cls, nodes: Integers) -> "Groups":
        """The groups of equal nodes."""
        order = np.argsort(nodes, kind="stable")
        own, starts = np.unique(nodes[order], return_index=True)
        return cls(order, starts, own)

    def least(self, lengths: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """The least of the edges' lengths at each of `count` nodes, copy by copy; infinite where there is none."""
        out = np.full((len(lengths), count), np.inf)
        if len(self.nodes):
            out[:, self.nodes] = np.minimum.reduceat(lengths[:, self.order], self.starts, axis=1)
        return out


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges from the nodes of one boundary to those of the next.

    There are `copies` of them, one for each thing that may wait: where a copy has n nodes in front, edge e leads from
    node copy · n + source[e] to node copy · nodes + target[e].

    Attributes:
        source: node that each edge leaves.
        target: node that it reaches.
        reaches: whether its layer is as slow as the range of paces asks for.
        costs: shape (n, 4): LUT, halves of a block RAM, multipliers, FF.
        foldings: the layer's foldings; None for edges that are none.
        places: of each edge in `foldings`.
        nodes: at the end of a copy.
        copies: of these edges.
    """

    source: Integers
    target: Integers
    reaches: NDArray[np.bool_]
    costs: Integers
    foldings: Foldings | None
    places: Integers
    nodes: int
    copies: int = 1

    @cached_property
    def by_source(self) -> "Groups":
        """The edges by the node that they leave."""
        return Groups.of(self.source)

    @cached_property
    def by_target(self) -> "Groups":
        """The edges by the node that they reach."""
        return Groups.of(self.target)

    def chosen(self, edges: NDArray[np.bool_]) -> "Edges":
        """The step with these edges alone."""
        return replace(
            self,
            source=self.source[edges],
            target=self.target[edges],
            reaches=self.reaches[edges],
            costs=self.costs[edges],
            places=self.places[edges],
        )


def bare(edges: Sequence[tuple[int, int, Integers]], nodes: int, copies: int = 1) -> Edges:
    """Edges without foldings: source, target and costs of each."""
    source, target = (np.array([edge[place] for edge in edges], dtype=np.int64) for place in (0, 1))
    none = np.zeros(len(edges), dtype=np.bool_)
    return Edges(source, target, none, np.stack([edge[2] for edge in edges]), None, source, nodes, copies)
