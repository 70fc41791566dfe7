"""A board's folding where the exact search would have to follow too much: balanced ones, bisected by their target."""

import numpy as np

from rebnet.errors import FoldingError
from rebnet.fold.cost.model import module_cost, shape_of
from rebnet.fold.search.choose import choose
from rebnet.fold.search.fronts import whole_costs
from rebnet.fold.search.likely import likely_depths, waits_of
from rebnet.fold.search.search import Found, Search
from rebnet.records import folding as records
from rebnet.stages.accelerator import accelerator_of, layer_bound
from rebnet.stages.ends import samples_per_beat


def bisected(search: Search) -> Found:
    """The balanced folding of a goal's target, or without one that of the fewest target cycles that fit.

    Nothing is proved: another folding may be cheaper, or faster. Of targets that differ little the greater one may
    take more, so that bisection may miss a few that fit.

    Raises:
        FoldingError: it takes more of the board than it may.
    """
    target, high = search.goal.target_cycles, search.most_cycles()
    if target is not None:
        return _held(search, target)
    found = _held(search, high)
    low = 1
    while low < high:
        middle = (low + high) // 2
        try:
            found, high = _held(search, middle), middle
        except FoldingError:
            low = middle + 1
    return found


def _held(search: Search, target: int) -> Found:
    """The balanced folding of a target, if the device has room for it."""
    network, goal = search.network, search.goal
    foldings = choose(network, "balanced", target)
    serial = accelerator_of(network, foldings, 1)
    samples = samples_per_beat(serial.samples, layer_bound(serial.layers, serial.served), goal.most_samples)
    accelerator = accelerator_of(network, foldings, samples)
    depths = likely_depths(accelerator.units, waits_of(network, accelerator))
    family = goal.board.part.family
    costs = sum(
        (whole_costs(module_cost(module.name, shape_of(module), family)) for module in accelerator.modules(depths)),
        start=np.zeros(4, dtype=np.int64),
    )
    over = [
        f"{name} {cost / part:g} of {search.share * has / part:g}"
        for name, part, cost, has in zip(("LUT", "BRAM", "DSP", "FF"), (1, 2, 1, 1), costs, search.device, strict=True)
        if cost > search.share * has
    ]
    if over:
        raise FoldingError(
            f"board {goal.board.name}: the balanced folding of at most {target} cycles per image needs "
            f"{', '.join(over)}; more branches wait at a time than the exact search follows, so no other was tried: "
            "ask for fewer images per second, or write foldings into a folding.json"
        )
    shares = costs[:3] / np.maximum(search.device[:3], 1e-9)
    return Found(
        foldings,
        tuple(layer.weights_in for layer in accelerator.layers),
        samples,
        tuple(int(cost) for cost in costs),
        float(shares.max()),
        accelerator.bound_cycles(network.levels),
        records.Search(
            objective="fewest target cycles of a balanced folding",
            proved="nothing: more branches wait at a time than the exact search follows",
            largest_share=round(100 * float(shares.max()), 2),
        ),
    )
