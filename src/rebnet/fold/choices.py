"""The accelerators that a network can become, as a graph: a path is an accelerator, its length what that takes.

Data flows from layer to layer in words, so what stands between two layers depends on both: the nodes are the widths of
those words, the edges the foldings of a layer and the window, the pool and the converters that they bring along.
Windows, pools and the input's width also depend on the accelerator's pace, the cycles of its slowest layer at the
fewest levels that are served: a graph is made for a range of paces within which they do not change.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.fold.cost import module_cost, shape_of
from rebnet.fold.fronts import Foldings, Integers, every_folding, layer_facts, unbeaten, whole_costs
from rebnet.fold.likely import line_depth
from rebnet.ir.network import Network, Node
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Conv, Dense, MaxPool
from rebnet.ir.values import Shape
from rebnet.stages.accelerator import dense_word, gather, mvtu_of, pool_unit, pool_units, window_unit
from rebnet.stages.folding import MAX_SAMPLES_PER_BEAT
from rebnet.stages.geometry import Converter, Mvtu, WindowUnit
from rebnet.stages.parameters import Module, converter_parameters, window_parameters
from rebnet.stages.widths import USER_BITS, Widths, widths_of

TOLERANCE = 1e-9
_NO_COST = np.zeros(4, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Step:
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

    def chosen(self, edges: NDArray[np.bool_]) -> "Step":
        """The step with these edges alone."""
        return replace(
            self,
            source=self.source[edges],
            target=self.target[edges],
            reaches=self.reaches[edges],
            costs=self.costs[edges],
            places=self.places[edges],
        )


def _step(edges: Sequence[tuple[int, int, Integers]], nodes: int) -> Step:
    """Edges without foldings: source, target and costs of each."""
    source, target = (np.array([edge[place] for edge in edges], dtype=np.int64) for place in (0, 1))
    none = np.zeros(len(edges), dtype=np.bool_)
    return Step(source, target, none, np.stack([edge[2] for edge in edges]), None, source, nodes)


@dataclass(frozen=True)
class _Place:
    """A layer or pool where it stands: its operation, the map in front of it, and the layer it belongs to."""

    op: Dense | MaxPool
    shape: Shape
    layer: Mvtu


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
        self._widths: Widths = widths_of(network)
        self._costs: dict[str, Integers] = {}
        self._places: list[_Place] = []
        for node in network.nodes:
            layer = node if isinstance(node.op, Dense) else network.layer_of(node)
            if isinstance(node.op, Dense | MaxPool) and layer is not None:
                unit = mvtu_of(network, cast("Node[Dense]", layer), Folding(1, 1, 1), "auto")
                self._places.append(_Place(node.op, network.read(node).shape, unit))
        self._last = next(place.layer.name for place in self._places if not place.layer.levels_out)
        self._paces = sorted(self._breakpoints())
        dense = [place for place in self._places if isinstance(place.op, Dense)]
        found = [every_folding(facts, family, most_cycles, most, even=even) for facts in layer_facts(network)]
        self.enumerated = sum(layer.enumerated for layer in found)
        self.layers = [
            layer.chosen(unbeaten(np.column_stack([layer.cycles, layer.costs]), self._classes(layer, place)))
            for layer, place in zip(found, dense, strict=True)
        ]

    def _classes(self, found: Foldings, place: _Place) -> Integers:
        """Foldings of one class can take each other's place: the same words in and out, window and range of paces."""
        paces = np.searchsorted(self._paces, found.fewest_cycles, side="right")
        beats = np.zeros(len(found), dtype=np.int64)
        if isinstance(place.op, Conv):
            positions, channels = place.op.window.kernel**2, place.shape[2]
            limits = {positions * channels // word for word in _divisors(channels)}
            limits |= {math.ceil(positions / reads) for reads in range(1, positions + 1)}
            beats = np.searchsorted(sorted(limits), found.vector_cycles, side="right")
        return _numbered(found.simd, found.drain, paces, beats)

    def _breakpoints(self) -> set[int]:
        """Paces at which a window, a pool or the input's width may change."""
        found = {1}
        found |= {math.ceil(self._network.input.samples / 2**power) for power in range(7)}
        for place in self._places:
            op, shape = place.op, place.shape
            if isinstance(op, MaxPool):
                units = pool_units("", op.window, shape, 1)
                found |= {max(unit.read_cycles, unit.map_writes) for unit in units}
            elif isinstance(op, Conv):
                units = [WindowUnit("", op.window, *shape, 1, False, word) for word in _divisors(shape[2])]
                units += [WindowUnit("", op.window, *shape, 1, False, shape[2], 1, 2**power) for power in range(7)]
                found |= {unit.map_writes for unit in units}
        return found

    def ranges(self, most_cycles: int) -> Iterator[tuple[int, int]]:
        """Ranges of paces up to `most_cycles`, the slowest first."""
        points = [pace for pace in self._paces if pace <= most_cycles]
        yield from reversed(list(zip(points, [*(pace - 1 for pace in points[1:]), most_cycles], strict=True)))

    def samples_per_beat(self, pace: int) -> int:
        """The smallest power of two with which the input takes no more than `pace` cycles."""
        width = 1
        while -(-self._network.input.samples // width) > pace and width < MAX_SAMPLES_PER_BEAT:
            width *= 2
        return width

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

    def graph(self, hopeful: Sequence[Foldings], most_cycles: int, least_pace: int) -> list[Step] | None:
        """The accelerators of these foldings within `most_cycles`, for the range of paces that begins at `least_pace`.

        None where the input or the output takes more cycles.
        """
        network = self._network
        samples = self.samples_per_beat(least_pace)
        if max(-(-network.input.samples // samples), network.classes) > most_cycles:
            return None
        nodes, planes = [samples], network.input.bits
        steps = [_step([(0, 0, self._pixels(samples))], 1)]
        layers = iter(hopeful)
        for place in self._places:
            if isinstance(place.op, MaxPool):
                unit = pool_unit(place.layer.name, place.op.window, place.shape, planes, least_pace)
                steps.append(self._to_units(place, nodes, [unit], planes))
                nodes = [unit.word]
                continue
            foldings = next(layers)
            which = np.zeros(len(foldings), dtype=np.int64)
            if isinstance(place.op, Conv):
                units, which = self._windows(place, foldings, planes, least_pace)
                steps.append(self._to_units(place, nodes, units, planes))
                nodes = [unit.word * unit.reads for unit in units]
            else:
                words = [dense_word(node, place.shape, place.layer.pixels) for node in nodes]
                ends = sorted(set(words))
                name = f"{place.layer.name}_gather"
                edges = [
                    (number, ends.index(word), self._gather(name, planes, node, word, place.shape[2], dense=True))
                    for number, (node, word) in enumerate(zip(nodes, words, strict=True))
                ]
                steps.append(_step(edges, len(ends)))
                nodes = ends
            more, nodes = self._layer(place, foldings, which, nodes, planes, least_pace)
            steps += more
            planes = network.levels
        return [*steps, _step([(number, 0, self._scores(node)) for number, node in enumerate(nodes)], 1)]

    def _windows(self, place: _Place, foldings: Foldings, planes: int, pace: int) -> tuple[list[WindowUnit], Integers]:
        """The windows that the foldings of a convolution need, and which of them each one has."""
        assert isinstance(place.op, Conv)
        cycles, inverse = np.unique(foldings.vector_cycles, return_inverse=True)
        units = [window_unit(place.layer.name, place.op.window, place.shape, planes, int(c), pace) for c in cycles]
        different = list(dict.fromkeys(units))
        numbers = {unit: number for number, unit in enumerate(different)}
        return different, np.array([numbers[unit] for unit in units])[inverse.reshape(-1)]

    def _to_units(self, place: _Place, nodes: Sequence[int], units: Sequence[WindowUnit], planes: int) -> Step:
        """From words to windows or pools."""
        edges = []
        for number, node in enumerate(nodes):
            for other, unit in enumerate(units):
                vector = math.prod(place.shape) if place.layer.pixels and not unit.pool else place.shape[2]
                front = self._gather("gather", planes, node, unit.word * unit.writes, vector)
                edges.append((number, other, front + self._unit(unit)))
        return _step(edges, len(units))

    def _layer(
        self,
        place: _Place,
        foldings: Foldings,
        which: Integers,
        words: Sequence[int],
        planes: int,
        least_pace: int,
    ) -> tuple[list[Step], list[int]]:
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
            mine = numbers[nodes[:, 0] == node] if isinstance(place.op, Conv) else numbers
            sources.append(np.full(len(mine), node))
            targets.append(mine)
            costs.append(self._converters(planes, word, nodes[mine, 1], place.layer.cols))
        front, at = np.concatenate(sources), np.concatenate(targets)
        never = np.zeros(len(front), dtype=np.bool_)
        converters = Step(front, at, never, np.concatenate(costs), None, front, len(nodes))
        places = np.arange(len(foldings))
        layer = Step(source.reshape(-1), target.reshape(-1), reaches, foldings.costs, foldings, places, len(drains))
        return [converters, layer], [int(drain) for drain in drains]

    def _converters(self, planes: int, word: int, simds: Integers, vector: int) -> Integers:
        shape = {"in": word, "out": simds, "planes": planes, "vector": vector, "level_width": self._widths.level}
        return whole_costs(module_cost("width_converter", shape, self._family))

    def _gather(self, name: str, planes: int, node: int, word: int, vector: int, dense: bool = False) -> Integers:
        if dense and node == word:
            return _NO_COST
        stages = gather(name, planes, node, word, vector)
        costs = [
            self._cost("width_converter", converter_parameters(stage, self._widths.level))
            for stage in stages
            if isinstance(stage, Converter)
        ]
        return costs[0] if costs else _NO_COST

    def _unit(self, unit: WindowUnit) -> Integers:
        name = "max_pool" if unit.pool else "sliding_window"
        return self._cost(name, window_parameters(unit, self._widths.level, line_depth(unit)))

    def _pixels(self, samples: int) -> Integers:
        network = self._network
        return self._cost(
            "pixel_input",
            {
                "SAMPLES": network.input.samples,
                "P": samples,
                "BITS": network.input.bits,
                "LEVELS": network.levels,
                "LEVEL_WIDTH": self._widths.level,
                "USER_WIDTH": USER_BITS,
                "RUNTIME_LEVELS": int(len(network.served) > 1),
            },
        )

    def _scores(self, lanes: int) -> Integers:
        return self._cost(
            "scores",
            {
                "ROWS": self._network.classes,
                "LANES": lanes,
                "SETS": len(self._network.served),
                "LEVEL_WIDTH": self._widths.level,
                "ACC_WIDTH": self._widths.accumulators[self._last],
                "SCORE_WIDTH": self._widths.score,
            },
        )

    def _cost(self, name: str, parameters: dict[str, object]) -> Integers:
        """Cost of one module, kept for the next time."""
        key = f"{name} {parameters}"
        if key not in self._costs:
            cost = module_cost(name, shape_of(Module(name, parameters)), self._family)
            self._costs[key] = whole_costs(cost)
        return self._costs[key]


def _numbered(*columns: NDArray[np.int64] | NDArray[np.bool_]) -> Integers:
    """A number for every different row."""
    inverse = np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1]
    return np.asarray(inverse.reshape(-1), dtype=np.int64)


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]
