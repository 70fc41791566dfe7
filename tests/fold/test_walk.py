"""The search in networks with branches, against brute force over every accelerator that there is."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fold.test_search import board
from tests.ir.graphs import Graph, pruned, random_graph

from rebnet.errors import BreadthError, FoldingError
from rebnet.fold import samples_per_beat
from rebnet.fold.cost.model import module_cost, shape_of
from rebnet.fold.search import walk
from rebnet.fold.search.choices import Choices
from rebnet.fold.search.fit import Constraints, fold_for_board, predicted, total
from rebnet.fold.search.fronts import whole_costs
from rebnet.fold.search.likely import likely_depths, waits_of
from rebnet.fold.search.search import Goal, Search, best_path
from rebnet.ir.features import Add, Join, Stack, SumPool
from rebnet.ir.notation import Folding
from rebnet.ir.ops import PixelInput
from rebnet.lower import lower
from rebnet.spec.window import Window
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.branches import Meeting
from rebnet.stages.folding import WEIGHT_STYLES

POINT = Window(1, 1, same=True)


def drawn(grow, levels, image=(2, 1, 1), classes=2):
    """A lowered network: `grow` makes features of pixels with the drawing that it is given."""
    made = Graph(np.random.default_rng(7), levels, PixelInput(*image, bits=1))

    def feature(source, rows=2, window=POINT):
        code = source if source == "pixels" else made.sign(source)
        return made.feature(made.layer(code, rows, window), 3, positive=False)

    def put(op, *sources):
        return made.put(op, *sources, width=1.0)

    whole = made.sign(put(SumPool(), grow(feature, put, made)))
    return lower(pruned("branched", made, made.norm(made.layer(whole, classes, None), positive=False)))


def residual(feature, put, made):
    stem = feature("pixels")
    return put(Add(), feature(stem), stem)


def nested(feature, put, made):
    """A block in a branch of a block, and a branch that is empty in both."""
    stem = feature("pixels", rows=1)
    inner = put(Add(), feature(stem, rows=1), stem)
    return put(Add(), feature(inner, rows=1), stem, inner)


def joined(feature, put, made):
    """Channels of three maps, one of which is of another depth."""
    stem = feature("pixels")
    return put(Join(), feature(stem, rows=2), stem, feature(stem, rows=1))


def bridged(feature, put, made):
    """Not series-parallel: what one branch makes is read by the other and by the end."""
    stem = feature("pixels", rows=1)
    one, other = feature(stem, rows=1), stem
    met = put(Add(), one, other)
    return put(Add(), one, feature(met, rows=1))


def stacked(feature, put, made):
    """The sum of two codes as planes of one."""
    one = made.sign(feature("pixels", rows=1))
    other = made.put(made.signs[-1], feature("pixels", rows=1), width=1.0)
    return made.feature(made.layer(put(Stack(), one, other), 1, POINT), 3, positive=False)


KINDS = {grow.__name__: grow for grow in (residual, nested, joined, bridged, stacked)}


@cache
def network_of(name):
    return drawn(KINDS[name], levels=1)


def options_of(network):
    """Every folding of every layer, weight styles left open."""
    for layer in network.layers:
        planes = network.values[network.sources(layer)[0]].planes
        sizes = layer.op.weights.rows, layer.op.weights.columns, planes
        yield [Folding(*folding) for folding in product(*(range(1, size + 1) for size in sizes))]


def accelerator_at(network, foldings, styles=None):
    serial = accelerator_of(network, foldings, 1)
    return accelerator_of(network, foldings, samples_per_beat(serial), styles)


@cache
def _cost(module, parameters):
    return whole_costs(module_cost(module, dict(parameters), "xc7"))[:3]


def cost_of(module):
    return _cost(module.name, tuple(shape_of(module).items()))


def accelerators_of(network, options):
    """Cycles at M, cycles at the fewest levels, and costs of all accelerators of these foldings, all weight styles."""
    rows = []
    for foldings in product(*options):
        accelerator = accelerator_at(network, foldings)
        depths = likely_depths(accelerator.units, waits_of(network, accelerator))
        layers = {layer.instance for layer in accelerator.layers}
        fixed = sum(cost_of(module) for module in accelerator.modules(depths) if module.of not in layers)
        styled = [
            [cost_of(type(layer)(**(vars(layer) | {"weight_style": style})).module(depths)) for style in WEIGHT_STYLES]
            for layer in accelerator.layers
        ]
        cycles = accelerator.bound_cycles(network.levels)
        rows += [(cycles, *(fixed + sum(chosen))) for chosen in product(*styled)]
    return np.array(rows)


@cache
def every_accelerator(name):
    network = network_of(name)
    return accelerators_of(network, tuple(options_of(network)))


def best_of(rows, device, share, target):
    """The least (largest share, sum of shares) within the target, and the fewest cycles that fit; None if none."""
    shares = rows[:, 1:] / (device.lut, 2 * device.bram_36k, device.dsp)
    largest, sums = shares.max(axis=1), shares.sum(axis=1)
    fits = largest <= share + 1e-9
    allowed = fits & (rows[:, 0] <= target)
    fewest = rows[fits, 0].min() if fits.any() else None
    return min(zip(largest[allowed], sums[allowed], strict=True), default=None), fewest


@given(
    name=st.sampled_from(sorted(KINDS)),
    lut=st.integers(1000, 4000),
    bram=st.integers(1, 8),
    dsp=st.integers(2, 16),
    target=st.integers(2, 16),
)
@settings(max_examples=15, deadline=None)
def test_the_search_finds_what_brute_force_finds(name, lut, bram, dsp, target):
    small, rows = board(lut, bram, dsp), every_accelerator(name)
    best, fewest = best_of(rows, small.part.device, 0.9, target)
    search = Search(network_of(name), Goal(small, 100.0, 90, target))
    if best is None:
        with pytest.raises(FoldingError, match="board small"):
            search.run()
        return
    found = search.run()
    taken = np.array(found.costs[:3]) / (lut, 2 * bram, dsp)
    assert (taken.max(), taken.sum()) == pytest.approx(best, abs=1e-12)
    assert found.certificate["gap"] == 0
    assert Search(network_of(name), Goal(small, 100.0, 90, None)).run().target_cycles == fewest


def drawn_graph(seed):
    """A lowered random network of two to five layers; the next seed that gives one."""
    for own in range(1000 * seed, 1000 * seed + 1000):
        network = random_graph(own, most=6)
        if 2 <= len(network.layers) <= 5 and any(len(users) > 1 for users in network.users.values()):
            return lower(network)
    raise AssertionError


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_random_networks(seed):
    """Of a few foldings of each layer: forks of forks, pools, joins and stacks, series-parallel or not."""
    network, rng = drawn_graph(seed), np.random.default_rng(seed)
    device = np.array([30_000.0, 200.0, 200.0, 1e9])
    choices = Choices(network, "xc7", device, 1 << 40)
    few = [layer.chosen(rng.permutation(len(layer))[:2]) for layer in choices.layers]
    choices.layers = [layer.chosen(np.argsort(layer.fewest_cycles)) for layer in few]
    rows = []
    for chosen in product(*(range(len(layer)) for layer in choices.layers)):
        picked = list(zip(choices.layers, chosen, strict=True))
        foldings = tuple(f.folding(i, f.plane_lanes.max() > 1) for f, i in picked)
        styles = tuple(WEIGHT_STYLES[int(f.style[i])] for f, i in picked)
        accelerator = accelerator_at(network, foldings, styles)
        depths = likely_depths(accelerator.units, waits_of(network, accelerator))
        cost = sum(cost_of(module) for module in accelerator.modules(depths))
        rows.append((accelerator.bound_cycles(network.levels), *cost))
    rows = np.array(rows)
    target = int(rng.choice(rows[:, 0]))
    best, _ = best_of(rows, board(30_000, 100, 200).part.device, 1.0, target)
    found = best_path(choices, target, device, 1.0)
    if best is None:
        assert found.path is None
        return
    assert found.path.key == pytest.approx(best, abs=1e-12)
    assert found.bound == pytest.approx(best[0], abs=1e-9)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_was_counted_is_what_is_built(name):
    """The graph adds up the same modules as the accelerator that its path stands for."""
    network = network_of(name)
    found = Search(network, Goal(board(), 100.0, 90, 16)).run()
    accelerator = accelerator_of(network, found.foldings, found.samples_per_beat, found.weight_styles)
    assert accelerator.bound_cycles(network.levels) <= 16
    taken = sum(
        cost_of(module)
        for module in accelerator.modules(likely_depths(accelerator.units, waits_of(network, accelerator)))
    )
    assert found.costs[:3] == tuple(taken)


@pytest.mark.parametrize("enough", [(1, 2, 4), (2, 4), (4,)])
def test_one_guess_of_a_width_is_left(enough):
    """The one in which words of all sources meet."""
    meeting = Meeting(enough)
    for words in product((1, 2, 3, 4, 8), repeat=3):
        left = []
        for lanes in enough:
            arrived = 0
            for word in words:
                arrived = None if arrived is None else meeting.arrived(lanes, word, arrived)
            left += [] if arrived in (None, 1) else [lanes]
        assert left == [meeting.lanes(words)]


def test_where_too_many_branches_wait(monkeypatch):
    """Balanced foldings are bisected, and the record says that nothing is proved."""
    network, goal = network_of("joined"), Constraints("xc7s50").goal()
    exact, _, proof = fold_for_board(network, goal, {}, lambda name: None)
    assert proof["proved"].startswith("fewest cycles")
    monkeypatch.setattr(walk, "MOST_STATES", 1)
    with pytest.raises(BreadthError, match=r"more than 1 combinations of words may wait \(.*\), and the exact search"):
        Search(network, goal).run()
    accelerator, depths, record = fold_for_board(network, goal, {}, lambda name: None)
    assert record["proved"] == "nothing: more branches wait at a time than the exact search follows"
    assert accelerator.bound_cycles(1) >= exact.bound_cycles(1)
    taken = total(predicted(accelerator, depths, goal.board))
    assert taken.lut <= 0.9 * goal.board.part.device.lut
    with pytest.raises(FoldingError, match=r"balanced folding of at most \d+ cycles per image needs LUT \d+ of 90,"):
        fold_for_board(network, Goal(board(100), 100.0, 90, None), {}, lambda name: None)
