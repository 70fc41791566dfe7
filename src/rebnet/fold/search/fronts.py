"""Every folding of a layer with its cycles and resources, and those of them that no other beats."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.fold.cost.model import BRAM_18K, BRAM_36K, DSP, FF, LUT, mvtu_cost, piece_cost
from rebnet.fold.search.likely import input_depth, output_depth
from rebnet.ir.notation import Folding
from rebnet.stages.folding import WEIGHT_STYLES
from rebnet.stages.mvtu import Mvtu, Mvtus
from rebnet.stages.numbers import Integers, clog2

_NEIGHBOURS = 24
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Foldings:
    """Foldings of one layer, an entry of each array per folding.

    Attributes:
        pe: outputs in parallel.
        simd: inputs in parallel.
        lanes: bit planes in parallel.
        plane_lanes: planes of the weights in parallel.
        style: index into `WEIGHT_STYLES`.
        drain: rows drained a cycle.
        sides: groups of a convolution side by side.
        cycles: per image at M levels.
        fewest_cycles: per image at the fewest levels that are served.
        vector_cycles: per vector that comes in, at the fewest levels that are served.
        costs: shape (n, 4): LUT, halves of a block RAM of 36 kbit, multipliers, FF.
        enumerated: foldings that were looked at, those that were beaten included.
    """

    pe: Integers
    simd: Integers
    lanes: Integers
    plane_lanes: Integers
    style: Integers
    drain: Integers
    sides: Integers
    cycles: Integers
    fewest_cycles: Integers
    vector_cycles: Integers
    costs: Integers
    enumerated: int

    def chosen(self, places: Any) -> "Foldings":
        """The foldings at these places."""
        sizes = ("pe", "simd", "lanes", "plane_lanes", "style", "drain", "sides")
        names = (*sizes, "cycles", "fewest_cycles", "vector_cycles", "costs")
        return replace(self, **{name: getattr(self, name)[places] for name in names})

    def folding(self, place: int, of_planes: bool) -> Folding:
        """The folding at a place; only weights of several planes say how many lanes these have."""
        lanes = (int(self.lanes[place]), int(self.plane_lanes[place]))
        return Folding(int(self.pe[place]), int(self.simd[place]), *lanes[: 1 + of_planes])

    def __len__(self) -> int:
        return len(self.pe)


def every_folding(
    layer: Mvtu,
    served: tuple[int, ...],
    family: Family,
    most_cycles: int,
    most: NDArray[np.float64],
    *,
    even: bool = False,
    waiting: int = 0,
) -> Foldings:
    """All PE, SIMD, lanes of levels and planes, and weight styles within `most_cycles` that fit by themselves.

    Args:
        layer: the layer's unit at any folding.
        served: level counts that its network runs at.
        family: of the device.
        most_cycles: per image at M levels.
        most: LUT, halves of a block RAM, multipliers and FF that there are.
        even: only the least PE and SIMD for each number of folds and chunks: few, and none much worse than the best.
        waiting: rows that wait in the output FIFO for another branch.
    """
    pe, simd, lanes, planes, style = _grid(layer, served, family, most_cycles, float(most[0]), even)
    units: Mvtus[Integers] = layer.at(pe, simd, lanes, planes)
    sizes = units.sizes(input_depth(units.chunks), output_depth(units.drain_words, units.drain, waiting))
    shape = {name.lower(): size for name, size in sizes.items()} | {"distributed": style}
    costs = whole_costs(mvtu_cost(shape, family))
    fewest = min(served)
    found = Foldings(
        pe,
        simd,
        lanes,
        planes,
        style,
        units.drain,
        units.sides,
        units.cycles(max(served)),
        units.cycles(fewest),
        units.turn_cycles(fewest),
        costs,
        len(pe),
    )
    return found.chosen((costs <= most).all(axis=1) & (found.cycles <= most_cycles))


def whole_costs(cost: NDArray[np.float64]) -> Integers:
    """Costs of one module, shape (5, n), as whole numbers of shape (n, 4): LUT, halves of a block RAM, DSP, FF."""
    halves = 2 * cost[BRAM_36K] + cost[BRAM_18K]
    whole: Integers = np.rint(np.stack([cost[LUT], halves, cost[DSP], cost[FF]], axis=-1)).astype(np.int64)
    return whole


def least_luts(layer: Mvtu, served: tuple[int, ...], family: Family, most_cycles: int) -> float:
    """LUT that the processing elements of a layer take at least within `most_cycles`; infinite where it takes more."""
    least = np.inf
    simd = np.arange(1, layer.cols + 1)
    for lanes, planes in _every_lanes(layer):
        folds = _most_words(layer, served, (lanes, planes), most_cycles) // -(-layer.cols // simd)
        fast = folds > 0
        if fast.any():
            elements = planes * -(-layer.rows // folds[fast]) * _element_luts(layer, simd, lanes, family)[fast]
            least = min(least, float(elements.min()))
    return least


def _element_luts(layer: Mvtu, simd: Integers, lanes: int, family: Family) -> NDArray[np.float64]:
    """LUT of one processing element for each SIMD."""
    sums = clog2(-(-layer.cols // simd) * simd + 1)
    luts: NDArray[np.float64] = piece_cost(
        "processing_element", {"simd": simd, "level_lanes": lanes, "sum_width": sums}, family
    )[LUT]
    return luts


def _every_lanes(layer: Mvtu) -> list[tuple[int, int]]:
    """All lanes of levels and of planes."""
    return list(product(range(1, layer.levels_in + 1), range(1, layer.weight_planes + 1)))


def _most_words(layer: Mvtu, served: tuple[int, ...], lanes: tuple[int, int], most_cycles: int) -> int:
    """Folds times chunks of a vector that an image has time for."""
    return most_cycles // (layer.vectors * layer.at(1, 1, *lanes).groups(max(served)))


def _grid(
    layer: Mvtu, served: tuple[int, ...], family: Family, most_cycles: int, most_luts: float, even: bool
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """PE, SIMD, lanes of levels and of planes, and style of all foldings that may meet both limits."""
    legal, every_simd = np.array(layer.legal_pe), _sizes(layer.cols, even)
    every_pe = legal if layer.parts > 1 else _sizes(layer.rows, even)
    folds, chunks = -(-layer.rows // every_pe), -(-layer.cols // every_simd)
    block = max(1, _BLOCK // len(every_simd))
    parts = [np.empty((4, 0), dtype=np.int64)]
    for lanes, planes in _every_lanes(layer):
        words = _most_words(layer, served, (lanes, planes), most_cycles)
        luts = planes * _element_luts(layer, every_simd, lanes, family)
        for start in range(0, len(every_pe), block):
            pe = every_pe[start : start + block]
            fast = folds[start : start + block, None] <= words // chunks
            at, which = np.nonzero(fast & (pe[:, None] * luts <= most_luts))
            parts.append(np.stack([pe[at], every_simd[which], np.full(len(at), lanes), np.full(len(at), planes)]))
    found = np.concatenate(parts, axis=1)
    style = np.repeat(np.arange(len(WEIGHT_STYLES)), found.shape[1])
    pe, simd, lane, plane_lane = np.tile(found, len(WEIGHT_STYLES))
    return pe, simd, lane, plane_lane, style


def _sizes(total: int, even: bool) -> Integers:
    """1 to `total`; if `even`, only the least for each number of parts."""
    sizes = np.arange(1, total + 1)
    return np.unique(-(-total // sizes)) if even else sizes


def unbeaten(values: Integers, classes: Integers) -> Integers:
    """Places of the rows that no other of the same class beats, in no order.

    A row beats another where none of its values is more; of equal ones the first stays. Each is held against its
    neighbours in the order of size alone, so some that are beaten may stay; none that is not beaten goes.

    Args:
        values: shape (n, k).
        classes: shape (n,).
    """
    places = np.lexsort((*values.T[::-1], classes))
    while True:
        sizes, kinds = values[places], classes[places]
        beaten = np.zeros(len(places), dtype=np.bool_)
        for step in range(1, _NEIGHBOURS + 1):
            better = (sizes[:-step] <= sizes[step:]).all(axis=1) & (kinds[:-step] == kinds[step:])
            beaten[step:] |= better
        if not beaten.any():
            return places
        places = places[~beaten]
