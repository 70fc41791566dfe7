"""Every folding of a layer with its cycles and resources, and those of them that no other beats."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.fold.cost import BRAM_18K, BRAM_36K, DSP, FF, LUT, mvtu_cost, piece_cost
from rebnet.fold.features import clog2
from rebnet.fold.likely import input_depth, output_depth
from rebnet.rtl.folding import WEIGHT_STYLES
from rebnet.rtl.geometry import Mvtu, popcount_stages

Integers = NDArray[np.int64]
_NEIGHBOURS = 24


@dataclass(frozen=True, eq=False)
class Foldings:
    """Foldings of one layer, an entry of each array per folding.

    Attributes:
        pe: outputs in parallel.
        simd: inputs in parallel.
        lanes: bit planes in parallel.
        style: index into `WEIGHT_STYLES`.
        drain: rows drained a cycle.
        cycles: per image at M levels.
        fewest_cycles: per image at the fewest levels that are served.
        vector_cycles: per vector at the fewest levels that are served.
        costs: shape (n, 4): LUT, halves of a block RAM of 36 kbit, multipliers, FF.
        enumerated: foldings that were looked at, those that were beaten included.
    """

    pe: Integers
    simd: Integers
    lanes: Integers
    style: Integers
    drain: Integers
    cycles: Integers
    fewest_cycles: Integers
    vector_cycles: Integers
    costs: Integers
    enumerated: int

    def chosen(self, places: Any) -> "Foldings":
        """The foldings at these places."""
        names = ("pe", "simd", "lanes", "style", "drain", "cycles", "fewest_cycles", "vector_cycles", "costs")
        return replace(self, **{name: getattr(self, name)[places] for name in names})

    def __len__(self) -> int:
        return len(self.pe)


@dataclass(frozen=True)
class LayerFacts:
    """What a layer's foldings depend on beside themselves.

    `layer` is the unit at any folding; `served` the level counts; the widths are those of its parameters.
    """

    layer: Mvtu
    served: tuple[int, ...]
    level_width: int
    gain_width: int
    acc_width: int
    threshold_width: int
    threshold_sets: int


def every_folding(facts: LayerFacts, family: Family, most_cycles: int, most: NDArray[np.float64]) -> Foldings:
    """All PE, SIMD, level lanes and weight styles of a layer that take at most `most_cycles` and fit by themselves.

    Args:
        facts: of the layer.
        family: of the device.
        most_cycles: per image at M levels.
        most: LUT, halves of a block RAM, multipliers and FF that there are.
    """
    layer = facts.layer
    pe, simd, lanes, style = _grid(facts, family, most_cycles, float(most[0]))
    enumerated = len(pe)
    folds, chunks = -(-layer.rows // pe), -(-layer.cols // simd)
    drain = _drains(layer, pe, chunks)
    words = pe // drain
    costs = whole_costs(
        mvtu_cost(
            {
                "rows": layer.rows,
                "cols": layer.cols,
                "pe": pe,
                "simd": simd,
                "levels_in": layer.levels_in,
                "levels_out": layer.levels_out,
                "level_lanes": lanes,
                "sets": len(facts.served),
                "threshold_sets": facts.threshold_sets,
                "multiply": np.where((layer.levels_in > 1) & ~(layer.pixels & (lanes >= layer.levels_in)), 1, 0),
                "pixels": int(layer.pixels),
                "drain": drain,
                "level_width": facts.level_width,
                "gain_width": facts.gain_width,
                "acc_width": facts.acc_width,
                "threshold_width": facts.threshold_width,
                "buffer_depth": input_depth(chunks),
                "out_depth": output_depth(words),
                "popcount_stages": np.array([popcount_stages(width) for width in range(1, layer.cols + 1)])[simd - 1],
                "distributed": style,
            },
            family,
        )
    )
    groups = [_groups(layer, lanes, m) for m in (max(facts.served), min(facts.served))]
    found = Foldings(
        pe,
        simd,
        lanes,
        style,
        drain,
        layer.vectors * folds * chunks * groups[0],
        layer.vectors * folds * chunks * groups[1],
        folds * chunks * groups[1],
        costs,
        enumerated,
    )
    return found.chosen((costs <= most).all(axis=1))


def whole_costs(cost: NDArray[np.float64]) -> Integers:
    """Costs of one module, shape (5, n), as whole numbers of shape (n, 4): LUT, halves of a block RAM, DSP, FF."""
    halves = 2 * cost[BRAM_36K] + cost[BRAM_18K]
    whole: Integers = np.rint(np.stack([cost[LUT], halves, cost[DSP], cost[FF]], axis=-1)).astype(np.int64)
    return whole


def _grid(
    facts: LayerFacts, family: Family, most_cycles: int, most_luts: float
) -> tuple[Integers, Integers, Integers, Integers]:
    """PE, SIMD, lanes and style of all foldings that may meet both limits."""
    layer = facts.layer
    parts = []
    for lanes in range(1, layer.levels_in + 1):
        pe, simd = np.meshgrid(np.arange(1, layer.rows + 1), np.arange(1, layer.cols + 1), indexing="ij")
        folds, chunks = -(-layer.rows // pe), -(-layer.cols // simd)
        cycles = layer.vectors * folds * chunks * int(_groups(layer, np.array(lanes), max(facts.served)))
        widths = np.arange(1, layer.cols + 1)
        sums = clog2(-(-layer.cols // widths) * widths + 1)
        element = {"simd": widths, "level_lanes": lanes, "sum_width": sums}
        luts = piece_cost("processing_element", element, family)[LUT]
        kept = (cycles <= most_cycles) & (pe * luts[simd - 1] <= most_luts)
        parts.append(np.stack([pe[kept], simd[kept], np.full(kept.sum(), lanes)]))
    pe, simd, lane = np.concatenate(parts, axis=1)
    style = np.repeat(np.arange(len(WEIGHT_STYLES)), len(pe))
    return np.tile(pe, len(WEIGHT_STYLES)), np.tile(simd, len(WEIGHT_STYLES)), np.tile(lane, len(WEIGHT_STYLES)), style


def _groups(layer: Mvtu, lanes: Integers, levels: int) -> Integers:
    planes = layer.levels_in if layer.pixels else levels
    groups: Integers = -(-planes // lanes)
    return groups


def _drains(layer: Mvtu, pe: Integers, chunks: Integers) -> Integers:
    """The smallest divisor d of each PE with PE/d ≤ chunks, as `Mvtu.drain`."""
    words = np.ones((layer.rows + 1, layer.cols + 1), dtype=np.int64)
    for number in range(1, layer.rows + 1):
        divisors = np.array([d for d in range(1, number + 1) if number % d == 0])
        words[number, 1:] = divisors[np.searchsorted(divisors, np.arange(1, layer.cols + 1), side="right") - 1]
    drains: Integers = pe // words[pe, chunks]
    return drains


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
