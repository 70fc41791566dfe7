"""The accelerators that a network can become, as a graph: a path is an accelerator, its length what that takes.

Data flows from layer to layer in words, so what stands between two layers depends on both: the nodes are the widths of
those words, the edges the foldings of a layer and the window, the pool and the converters that they bring along.
Windows, pools, joins and the input's width also depend on the accelerator's pace, the cycles of its slowest layer at
the fewest levels that are served: a graph is made for a range of paces within which they do not change.

Branches are walked one after another. What waits meanwhile is a part of the node (`waiting`), and the edges of a unit
are the same whatever waits.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.fold.cost.model import module_cost, shape_of
from rebnet.fold.search.edges import TOLERANCE, Edges, bare
from rebnet.fold.search.fronts import Foldings, every_folding, unbeaten, whole_costs
from rebnet.fold.search.likely import likely_depths, waits_of
from rebnet.fold.search.walk import Boundary, Walk
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.stages.accelerator import Unit, accelerator_of
from rebnet.stages.branches import Branch
from rebnet.stages.ends import MAX_SAMPLES_PER_BEAT, samples_per_beat
from rebnet.stages.module import Module
from rebnet.stages.numbers import Integers, divisors
from rebnet.stages.places import Place, Stage, pixels_of, places_of, scores_of, widest
from rebnet.stages.window import WindowUnit

_NO_COST = np.zeros(4, dtype=np.int64)


class Choices:
    """All foldings of a network's layers that a device has room for, made once, and graphs of them.

    Args:
        network: a lowered network.
        family: of the device.
        most: LUT, halves of a block RAM, multipliers and FF that a layer alone may take.
        most_cycles: per image at M levels.
        even: only foldings that leave no lane idle that need not be; see `every_folding`.
        most_samples: of an input beat.

    Attributes:
        layers: the foldings of each layer that no other beats.
        enumerated: foldings that were looked at.
    """

    def __init__(
        self,
        network: Network,
        family: Family,
        most: NDArray[np.float64],
        most_cycles: int,
        *,
        even: bool = False,
        most_samples: int = MAX_SAMPLES_PER_BEAT,
    ) -> None:
        self._network, self._family, self._most_samples = network, family, most_samples
        self._costs: dict[Unit, Integers] = {}
        self._places = places_of(network)
        self._widest, _ = widest(network)
        self._serial = accelerator_of(network, (Folding(1, 1, 1),) * len(network.layers), 1)
        self._waits = waits_of(network, self._serial)
        self._walk = Walk(network, self._places, self._serial, self._cost)
        self._paces = sorted(self._breakpoints())
        kinds: dict[tuple[Any, ...], Foldings] = {}
        self.layers = []
        self.enumerated = 0
        for place in self._places:
            if not isinstance(place, Place) or place.layer is None:
                continue
            waiting = self._waits.get(place.layer.output.name, 0)
            kind = replace(place.layer, name=""), place.window, place.shape, waiting
            if kind not in kinds:
                unit, limits = place.layer, (most_cycles, most)
                found = every_folding(unit, network.served, family, *limits, even=even, waiting=waiting)
                sizes = np.column_stack([found.cycles, found.costs])
                kinds[kind] = found.chosen(unbeaten(sizes, self._classes(found, place)))
            self.layers.append(kinds[kind])
            self.enumerated += kinds[kind].enumerated

    def _classes(self, found: Foldings, place: Place) -> Integers:
        """Foldings of one class can take each other's place: the same words in and out, window and range of paces."""
        paces = np.searchsorted(self._paces, found.fewest_cycles, side="right")
        beats = np.zeros(len(found), dtype=np.int64)
        if place.window is not None:
            positions, channels = place.window.area, place.shape.channels
            limits = {positions * channels // word for word in divisors(channels)}
            limits |= {math.ceil(positions / reads) for reads in range(1, positions + 1)}
            beats = np.searchsorted(sorted(limits), found.vector_cycles, side="right")
        return _numbered(found.simd, found.drain, paces, beats, found.sides)

    def _breakpoints(self) -> set[int]:
        """Paces at which a unit or the input's width may change."""
        widths = {math.ceil(self._network.input.samples / 2**power) for power in range(7)}
        return {1}.union(widths, *(place.paces() for place in self._places))

    def ranges(self, most_cycles: int) -> Iterator[tuple[int, int]]:
        """Ranges of paces up to `most_cycles`, the slowest first."""
        points = [pace for pace in self._paces if pace <= most_cycles]
        yield from reversed(list(zip(points, [*(pace - 1 for pace in points[1:]), most_cycles], strict=True)))

    def samples_per_beat(self, pace: int) -> int:
        """How wide the input is at a pace."""
        return samples_per_beat(self._network.input.samples, pace, self._most_samples)

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

        None where the input, the output, or a window, pool or join takes more cycles.
        """
        network = self._network
        samples = self.samples_per_beat(least_pace)
        if max(-(-network.input.samples // samples), network.answer.elements, self._widest) > most_cycles:
            return None
        steps = [bare([(0, 0, self._cost(pixels_of(network, samples)))], 1)]
        boundary = Boundary((samples,))
        layers = iter(hopeful)
        for place in self._places:
            turn = self._walk.turn(boundary, place, least_pace)
            if turn is not None:
                steps.append(turn[0])
                boundary = turn[1]
            if isinstance(place, Branch):
                own, words = self._branch(place, boundary.words, least_pace)
            else:
                own, words = self._place(place, layers, boundary.words, least_pace)
            steps += [replace(step, copies=boundary.copies) for step in own]
            boundary = boundary.behind(place.nodes[-1], words)
        last = self._serial.layers[-1]
        ends = [(number, 0, self._cost(scores_of(network, last, word))) for number, word in enumerate(boundary.words)]
        return [*steps, bare(ends, 1)]

    def _place(
        self, place: Place, layers: Iterator[Foldings], words: Sequence[int], pace: int
    ) -> tuple[list[Edges], list[int]]:
        """From words through a layer, whose foldings are the next ones, or through a pool."""
        foldings = None if place.layer is None else next(layers)
        front, behind, which = self._front(place, words, foldings, pace)
        if foldings is None:
            return [front], [word for word, _ in behind]
        more, out = self._layer(place, foldings, which, behind, pace)
        return [front, *more], out

    def _branch(self, place: Branch, words: Sequence[int], pace: int) -> tuple[list[Edges], list[int]]:
        """From words through a place without weights; into a join they come as wide as they meet."""
        nodes: dict[int, int] = {}
        edges = []
        for number, elements in enumerate(words):
            (front, *_), unit = place.units([elements] * len(place.sources), pace)
            cost = sum((self._cost(own) for own in (*front, unit)), start=_NO_COST)
            edges.append((number, nodes.setdefault(unit.out_elements, len(nodes)), cost))
        return [bare(edges, len(nodes))], list(nodes)

    def _front(
        self, place: Place, words: Sequence[int], foldings: Foldings | None, pace: int
    ) -> tuple[Edges, list[tuple[int, int]], Integers]:
        """From words to the units in front of a layer's converter, and to pools.

        Returns:
            The step, the words behind it with the groups side by side in them, and for each folding of a convolution
            the node with its window.
        """
        limits, inverse = np.array([[0, 1]]), np.zeros(0 if foldings is None else len(foldings), dtype=np.int64)
        if foldings is not None and place.window is not None:
            asked = np.column_stack([foldings.vector_cycles, foldings.sides])
            kinds, inverse = np.unique(asked, axis=0, return_inverse=True)
            windows = [place.front(words[0], int(own), pace, int(sides))[-1] for own, sides in kinds]  # often the same
            different = {window: number for number, window in enumerate(dict.fromkeys(windows))}
            which = np.array([different[window] for window in windows])
            limits, inverse = kinds[np.unique(which, return_index=True)[1]], which[inverse.reshape(-1)]
        nodes: dict[tuple[Stage | None, int], int] = {}  # of windows, or of words alone
        edges: dict[tuple[int, int], Integers] = {}
        found = np.zeros(len(limits), dtype=np.int64)
        for number, elements in enumerate(words):
            for at, (cycles, sides) in enumerate(limits):
                units = place.front(elements, int(cycles), pace, int(sides))
                own = units[-1] if units and place.window is not None else None
                node = nodes.setdefault((own, place.word(elements, units)), len(nodes))
                if (number, node) not in edges:
                    edges[number, node] = sum((self._cost(unit) for unit in units), start=_NO_COST)
                found[at] = node
        step = bare([(*ends, cost) for ends, cost in edges.items()], len(nodes))
        sides_of = [max(1, own.sides) if isinstance(own, WindowUnit) else 1 for own, _ in nodes]
        behind = [(word, sides) for (_, word), sides in zip(nodes, sides_of, strict=True)]
        return step, behind, found[inverse.reshape(-1)]

    def _layer(
        self, place: Place, foldings: Foldings, which: Integers, words: Sequence[tuple[int, int]], least_pace: int
    ) -> tuple[list[Edges], list[int]]:
        """From words, through converters to words of SIMD elements, to what the foldings of a layer drain."""
        reaches = foldings.fewest_cycles >= least_pace
        kept = unbeaten(foldings.costs, _numbered(foldings.simd, foldings.drain, which, reaches))
        foldings, which, reaches = foldings.chosen(kept), which[kept], reaches[kept]
        drains, target = np.unique(foldings.drain, return_inverse=True)
        middle = _coded(which, foldings.simd)  # nodes in between
        first, source = np.unique(middle, return_index=True, return_inverse=True)[1:]
        nodes = np.column_stack([which[first], foldings.simd[first]])
        numbers = np.arange(len(nodes))
        sources, targets, costs = [], [], []
        for node, (word, sides) in enumerate(words):
            mine = numbers if place.window is None else numbers[nodes[:, 0] == node]
            sources.append(np.full(len(mine), node))
            targets.append(mine)
            costs.append(self._priced(place.to_simd(word, nodes[mine, 1], sides).module({})))
        front, at = np.concatenate(sources), np.concatenate(targets)
        never = np.zeros(len(front), dtype=np.bool_)
        converters = Edges(front, at, never, np.concatenate(costs), None, front, len(nodes))
        places = np.arange(len(foldings))
        layer = Edges(source.reshape(-1), target.reshape(-1), reaches, foldings.costs, foldings, places, len(drains))
        return [converters, layer], [int(drain) for drain in drains]

    def _cost(self, unit: Unit) -> Integers:
        """Cost of one unit at likely depths, kept for the next time."""
        if unit not in self._costs:
            self._costs[unit] = self._priced(unit.module(likely_depths([unit], self._waits)))
        return self._costs[unit]

    def _priced(self, module: Module) -> Integers:
        return whole_costs(module_cost(module.name, shape_of(module), self._family))


def _coded(*columns: NDArray[np.int64] | NDArray[np.bool_]) -> Integers:
    """One number for the numbers of a row, none of them negative, in the order of the rows."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        code = code * (int(column.max(initial=0)) + 1) + column
    return code


def _numbered(*columns: NDArray[np.int64] | NDArray[np.bool_]) -> Integers:
    """A number for every different row."""
    inverse = np.unique(_coded(*columns), return_inverse=True)[1]
    return np.asarray(inverse.reshape(-1), dtype=np.int64)
