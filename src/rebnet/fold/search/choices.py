"""The accelerators that a network can become, as a graph: a path is an accelerator, its length what that takes.

Data flows from layer to layer in words, so what stands between two layers depends on both: the nodes are the widths of
those words, the edges the foldings of a layer and the window, the pool and the converters that they bring along.
Windows, pools and the input's width also depend on the accelerator's pace, the cycles of its slowest layer at the
fewest levels that are served: a graph is made for a range of paces within which they do not change.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.fold.cost.model import module_cost, shape_of
from rebnet.fold.search.fronts import Foldings, every_folding, unbeaten, whole_costs
from rebnet.fold.search.likely import likely_depths
from rebnet.ir.network import Network
from rebnet.stages.accelerator import Unit
from rebnet.stages.ends import samples_per_beat
from rebnet.stages.module import Module
from rebnet.stages.numbers import Integers, divisors
from rebnet.stages.places import Place, Stage, chain_places, pixels_of, scores_of
from rebnet.stages.window import WindowUnit, pool_units

TOLERANCE = 1e-9
_NO_COST = np.zeros(4, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges from the nodes of one boundary to those of the next.

    Attributes:
        source: node that each edge leaves.
        target: node that it reaches.
        reaches: whether its layer is as slow as the range of paces asks for.
        costs: shape (n, 4): LUT, halves of a block RAM, multipliers, FF.
        foldings: the layer's foldings; None for edges that are none.
        places: of each edge in `foldings`.
        nodes: at the end.
    """

    source: Integers
    target: Integers
    reaches: NDArray[np.bool_]
    costs: Integers
    foldings: Foldings | None
    places: Integers
    nodes: int

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


def _step(edges: Sequence[tuple[int, int, Integers]], nodes: int) -> Edges:
    """Edges without foldings: source, target and costs of each."""
    source, target = (np.array([edge[place] for edge in edges], dtype=np.int64) for place in (0, 1))
    none = np.zeros(len(edges), dtype=np.bool_)
    return Edges(source, target, none, np.stack([edge[2] for edge in edges]), None, source, nodes)


class Choices:
    """All foldings of a network's layers that a device has room for, made once, and graphs of them.

    Args:
        network: a lowered network.
        family: of the device.
        most: LUT, halves of a block RAM, multipliers and FF that a layer alone may take.
        most_cycles: per image at M levels.
        even: only foldings that leave no lane idle that need not be; see `every_folding`.

    Attributes:
        layers: the foldings of each layer that no other beats.
        enumerated: foldings that were looked at.
    """

    def __init__(
        self, network: Network, family: Family, most: NDArray[np.float64], most_cycles: int, *, even: bool = False
    ) -> None:
        self._network, self._family = network, family
        self._costs: dict[Unit, Integers] = {}
        self._places = chain_places(network)
        self._paces = sorted(self._breakpoints())
        dense = [(place, place.layer) for place in self._places if place.layer is not None]
        found = [every_folding(unit, network.served, family, most_cycles, most, even=even) for _, unit in dense]
        self.enumerated = sum(layer.enumerated for layer in found)
        self.layers = [
            layer.chosen(unbeaten(np.column_stack([layer.cycles, layer.costs]), self._classes(layer, place)))
            for layer, (place, _) in zip(found, dense, strict=True)
        ]

    def _classes(self, found: Foldings, place: Place) -> Integers:
        """Foldings of one class can take each other's place: the same words in and out, window and range of paces."""
        paces = np.searchsorted(self._paces, found.fewest_cycles, side="right")
        beats = np.zeros(len(found), dtype=np.int64)
        if place.window is not None:
            positions, channels = place.window.kernel**2, place.shape.channels
            limits = {positions * channels // word for word in divisors(channels)}
            limits |= {math.ceil(positions / reads) for reads in range(1, positions + 1)}
            beats = np.searchsorted(sorted(limits), found.vector_cycles, side="right")
        return _numbered(found.simd, found.drain, paces, beats)

    def _breakpoints(self) -> set[int]:
        """Paces at which a window, a pool or the input's width may change."""
        found = {1}
        found |= {math.ceil(self._network.input.samples / 2**power) for power in range(7)}
        for place in self._places:
            window, shape = place.window, place.shape
            if window is None:
                continue
            if place.layer is None:
                units = pool_units("", window, shape, 1)
                found |= {max(unit.read_cycles, unit.map_writes) for unit in units}
            else:
                units = [WindowUnit("", window, *shape, 1, False, word) for word in divisors(shape.channels)]
                units += [WindowUnit("", window, *shape, 1, False, shape.channels, 1, 2**power) for power in range(7)]
                found |= {unit.map_writes for unit in units}
        return found

    def ranges(self, most_cycles: int) -> Iterator[tuple[int, int]]:
        """Ranges of paces up to `most_cycles`, the slowest first."""
        points = [pace for pace in self._paces if pace <= most_cycles]
        yield from reversed(list(zip(points, [*(pace - 1 for pace in points[1:]), most_cycles], strict=True)))

    def samples_per_beat(self, pace: int) -> int:
        """How wide the input is at a pace."""
        return samples_per_beat(self._network.input.samples, pace)

    def hopeful(
        self,
        most_cycles: int,
        most_pace: int,
        device: NDArray[np.float64],
        weights: Sequence[NDArray[np.float64]],
        most: float,
    ) -> list[Foldings] | None:
        """The foldings that may be part of an accelerator within the limits; None where there is none.

        Left out are those whose weighted shares, with the least of every other layer, are more than `most` already.
        """
        layers = []
        for layer in self.layers:
            layers.append(layer.chosen((layer.cycles <= most_cycles) & (layer.fewest_cycles <= most_pace)))
            if len(layers[-1]) == 0:
                return None
        for own in weights:
            lengths = [(layer.costs[:, :3] / device) @ own for layer in layers]
            least = sum(float(length.min()) for length in lengths)
            if least > most + TOLERANCE:
                return None
            layers = [
                layer.chosen(length - length.min() + least <= most + TOLERANCE)
                for layer, length in zip(layers, lengths, strict=True)
            ]
        return layers

    def graph(self, hopeful: Sequence[Foldings], most_cycles: int, least_pace: int) -> list[Edges] | None:
        """The accelerators of these foldings within `most_cycles`, for the range of paces that begins at `least_pace`.

        None where the input or the output takes more cycles.
        """
        network = self._network
        samples = self.samples_per_beat(least_pace)
        if max(-(-network.input.samples // samples), network.classes) > most_cycles:
            return None
        words = [samples]
        steps = [_step([(0, 0, self._cost(pixels_of(network, samples)))], 1)]
        layers = iter(hopeful)
        for place in self._places:
            foldings = None if place.layer is None else next(layers)
            front, words, which = self._front(place, words, foldings, least_pace)
            steps.append(front)
            if foldings is not None:
                more, words = self._layer(place, foldings, which, words, least_pace)
                steps += more
        last = next(place.layer for place in self._places if place.layer and not place.layer.levels_out)
        ends = [(number, 0, self._cost(scores_of(network, last, word))) for number, word in enumerate(words)]
        return [*steps, _step(ends, 1)]

    def _front(
        self, place: Place, words: Sequence[int], foldings: Foldings | None, pace: int
    ) -> tuple[Edges, list[int], Integers]:
        """From words to the units in front of a layer's converter, and to pools.

        Returns:
            The step, the words behind it, and for each folding of a convolution the node with its window.
        """
        limits, inverse = np.array([0]), np.zeros(0 if foldings is None else len(foldings), dtype=np.int64)
        if foldings is not None and place.window is not None:
            cycles, inverse = np.unique(foldings.vector_cycles, return_inverse=True)
            windows = [place.front(words[0], int(own), pace)[-1] for own in cycles]  # many cycles have one window
            different = {window: number for number, window in enumerate(dict.fromkeys(windows))}
            which = np.array([different[window] for window in windows])
            limits, inverse = cycles[np.unique(which, return_index=True)[1]], which[inverse.reshape(-1)]
        nodes: dict[tuple[Stage | None, int], int] = {}  # of windows, or of words alone
        edges: dict[tuple[int, int], Integers] = {}
        found = np.zeros(len(limits), dtype=np.int64)
        for number, elements in enumerate(words):
            for at, cycles in enumerate(limits):
                units = place.front(elements, int(cycles), pace)
                own = units[-1] if units and place.window is not None else None
                node = nodes.setdefault((own, place.word(elements, units)), len(nodes))
                if (number, node) not in edges:
                    edges[number, node] = sum((self._cost(unit) for unit in units), start=_NO_COST)
                found[at] = node
        step = _step([(*ends, cost) for ends, cost in edges.items()], len(nodes))
        return step, [word for _, word in nodes], found[inverse.reshape(-1)]

    def _layer(
        self, place: Place, foldings: Foldings, which: Integers, words: Sequence[int], least_pace: int
    ) -> tuple[list[Edges], list[int]]:
        """From words, through converters to words of SIMD elements, to what the foldings of a layer drain."""
        reaches = foldings.fewest_cycles >= least_pace
        kept = unbeaten(foldings.costs, _numbered(foldings.simd, foldings.drain, which, reaches))
        foldings, which, reaches = foldings.chosen(kept), which[kept], reaches[kept]
        drains, target = np.unique(foldings.drain, return_inverse=True)
        middle = np.column_stack([which, foldings.simd])  # nodes in between
        nodes, source = np.unique(middle, axis=0, return_inverse=True)
        numbers = np.arange(len(nodes))
        sources, targets, costs = [], [], []
        for node, word in enumerate(words):
            mine = numbers if place.window is None else numbers[nodes[:, 0] == node]
            sources.append(np.full(len(mine), node))
            targets.append(mine)
            costs.append(self._priced(place.to_simd(word, nodes[mine, 1]).module({})))
        front, at = np.concatenate(sources), np.concatenate(targets)
        never = np.zeros(len(front), dtype=np.bool_)
        converters = Edges(front, at, never, np.concatenate(costs), None, front, len(nodes))
        places = np.arange(len(foldings))
        layer = Edges(source.reshape(-1), target.reshape(-1), reaches, foldings.costs, foldings, places, len(drains))
        return [converters, layer], [int(drain) for drain in drains]

    def _cost(self, unit: Unit) -> Integers:
        """Cost of one unit at likely depths, kept for the next time."""
        if unit not in self._costs:
            self._costs[unit] = self._priced(unit.module(likely_depths([unit])))
        return self._costs[unit]

    def _priced(self, module: Module) -> Integers:
        return whole_costs(module_cost(module.name, shape_of(module), self._family))


def _numbered(*columns: NDArray[np.int64] | NDArray[np.bool_]) -> Integers:
    """A number for every different row."""
    inverse = np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1]
    return np.asarray(inverse.reshape(-1), dtype=np.int64)
