"""The search against brute force: every folding of every layer of small networks, one after another."""

import math
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ir.networks import from_text

from rebnet.boards import Board, Part, Resources
from rebnet.errors import FoldingError
from rebnet.fold import samples_per_beat
from rebnet.fold.cost.model import predict
from rebnet.fold.search.choices import Choices
from rebnet.fold.search.fronts import every_folding, least_luts
from rebnet.fold.search.likely import likely_depths
from rebnet.fold.search.search import Goal, Search
from rebnet.ir.bounds import pe_fault
from rebnet.ir.notation import Folding
from rebnet.lower import lower
from rebnet.stages.accelerator import accelerator_of, layers_of
from rebnet.stages.folding import WEIGHT_STYLES

TEXTS = {
    "dense": ("1x3x1 - D3 - D2", 2, 2),
    "deep": ("1x2x1 - D2 - D2 - D2", 1, 1),
    "convolutional": ("3x3x2 - C2:2x2 - MP2 - D2", 1, 1),
    "padded": ("2x2x2 - C2:2x2+same - D2", 2, 1),
    "depthwise": ("2x2x2 - DW:2x2+same - D2", 2, 1),
    "grouped": ("2x1x2 - C4%2:2x1+same - D2", 1, 1),
}
LARGE = Resources(lut=40_000, ff=80_000, bram_36k=40, dsp=60)


def board(lut=LARGE.lut, bram=LARGE.bram_36k, dsp=LARGE.dsp):
    device = Resources(lut=lut, ff=10 * lut, bram_36k=bram, dsp=dsp)
    return Board("small", Part("small", "xc7", device, "small"), 100.0)


@cache
def network_of(name):
    text, levels, bits = TEXTS[name]
    return lower(from_text(text, levels=levels, bits=bits))


def serial(network):
    """The units of the layers with one lane each."""
    return layers_of(network, (Folding(1, 1, 1),) * len(network.layers))


@cache
def _taken(module, parameters, family="xc7"):
    return predict(_MODULES[module, parameters], family)


_MODULES = {}


@cache
def every_accelerator(name):
    """Cycles at M and costs (LUT, halves of a block RAM, multipliers) of every accelerator of a network."""
    network = network_of(name)
    choices = []
    for index, dense in enumerate(layer.op for layer in network.layers):
        lanes = network.levels if index else network.input.bits
        ranges = (dense.weights.rows, dense.weights.columns, lanes)
        every = product(*(range(1, most + 1) for most in ranges))
        legal = [folding for folding in every if pe_fault(dense.weights.rows, dense.group_count, folding[0]) is None]
        choices.append([(Folding(*folding), style) for folding in legal for style in WEIGHT_STYLES])
    rows = []
    for chosen in product(*choices):
        foldings, styles = zip(*chosen, strict=True)
        beat = samples_per_beat(accelerator_of(network, foldings, 1))
        accelerator = accelerator_of(network, foldings, beat, styles)
        costs = np.zeros(3, dtype=np.int64)
        for module in accelerator.modules(likely_depths(accelerator.units)):
            key = module.name, repr(module.parameters)
            _MODULES.setdefault(key, module)
            taken = _taken(*key)
            costs += (taken.lut, 2 * taken.bram_36k + taken.bram_18k, taken.dsp)
        rows.append((accelerator.bound_cycles(network.levels), *costs))
    return np.array(rows)


def best_of(name, device, share, target):
    """The least (largest share, sum of shares) within the target, and the fewest cycles that fit; None if none."""
    rows = every_accelerator(name)
    shares = rows[:, 1:] / (device.lut, 2 * device.bram_36k, device.dsp)
    largest, total = shares.max(axis=1), shares.sum(axis=1)
    fits = largest <= share + 1e-9
    fewest = rows[fits, 0].min() if fits.any() else None
    allowed = fits & (rows[:, 0] <= target)
    if not allowed.any():
        return None, fewest
    order = np.lexsort((total[allowed], largest[allowed]))
    return (largest[allowed][order[0]], total[allowed][order[0]]), fewest


@given(
    name=st.sampled_from(sorted(TEXTS)),
    lut=st.integers(600, 6000),
    bram=st.integers(1, 12),
    dsp=st.integers(1, 12),
    target=st.integers(2, 40),
)
@settings(max_examples=12, deadline=None)
def test_the_search_finds_what_brute_force_finds(name, lut, bram, dsp, target):
    small = board(lut, bram, dsp)
    best, fewest = best_of(name, small.part.device, 0.9, target)
    search = Search(network_of(name), Goal(small, 100.0, 90, target))
    if best is None:
        with pytest.raises(FoldingError, match="board small"):
            search.run()
        return
    found = search.run()
    taken = np.array(found.costs[:3]) / (lut, 2 * bram, dsp)
    assert (taken.max(), taken.sum()) == pytest.approx(best, abs=1e-12)
    assert found.certificate["gap"] == 0
    fastest = Search(network_of(name), Goal(small, 100.0, 90, None)).run()
    assert fastest.target_cycles == fewest


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_what_was_counted_is_what_is_built(name):
    """The graph adds up the same modules as the accelerator that its path stands for."""
    network = network_of(name)
    found = Search(network, Goal(board(), 100.0, 90, 12)).run()
    accelerator = accelerator_of(network, found.foldings, found.samples_per_beat, found.weight_styles)
    assert accelerator.bound_cycles(network.levels) <= 12
    assert samples_per_beat(accelerator_of(network, found.foldings, 1)) == found.samples_per_beat
    taken = Resources()
    for module in accelerator.modules(likely_depths(accelerator.units)):
        taken += predict(module, "xc7")
    assert found.costs == (taken.lut, 2 * taken.bram_36k + taken.bram_18k, taken.dsp, taken.ff)


def test_a_board_that_is_too_small():
    network = lower(from_text("4x4x1 - D16 - D4", levels=1, bits=1))
    slow = Search(network, Goal(board(bram=10_000, dsp=10_000), 100.0, 100, 1000)).run()
    least = math.ceil(slow.costs[0] / 0.9)  # enough for the cheapest of all, not for the fastest
    with pytest.raises(FoldingError) as caught:
        Search(network, Goal(board(least, 10_000, 10_000), 100.0, 90, 8)).run()
    message = str(caught.value)
    assert "no folding takes at most 8 cycles per image (12500000 images/s at 100 MHz) within 90 % of it" in message
    assert "too many)" in message
    assert "it fits " in message
    assert "zc702" in message
    fewest = int(message.split("small surely reaches ")[1].split(maxsplit=1)[0])
    assert 8 < fewest <= 1000
    assert message.endswith(
        f"small surely reaches {fewest} cycles, {1e8 / fewest:.0f} images/s: ask for that, or leave --target-fps out "
        "for the fastest"
    )
    reached = Search(network, Goal(board(least, 10_000, 10_000), 100.0, 90, fewest)).run()
    assert reached.target_cycles == fewest


def test_a_board_that_nothing_fits():
    with pytest.raises(FoldingError, match="no folding at all fits small"):
        Search(network_of("dense"), Goal(board(lut=50), 100.0, 90, None)).run()


def test_a_rate_that_no_device_reaches():
    """Bounds that need no search: vectors, input beats and scores, each an item a cycle."""
    with pytest.raises(FoldingError) as caught:
        Search(network_of("dense"), Goal(board(), 100.0, 90, 1)).run()
    assert str(caught.value) == (
        "board small (small): no folding takes at most 1 cycles per image (100000000 images/s at 100 MHz) within 90 % "
        "of it, nor of any other device: an image takes 2 cycles or more, because its 2 scores leave one a cycle, "
        "which is 50000000 images/s; small surely reaches 2 cycles, 50000000 images/s: ask for that, or leave "
        "--target-fps out for the fastest"
    )
    for text, why in (
        ("5x5x1 - C2:2x2 - D2", "takes 16 cycles or more, because layer1 works on 16 vectors, one a cycle"),
        ("40x40x2 - D2 - D2", "takes 50 cycles or more, because its 3200 samples come at most 64 a cycle"),
    ):
        with pytest.raises(FoldingError, match=why):
            Search(lower(from_text(text, levels=1, bits=1)), Goal(board(), 100.0, 90, 7)).run()


def test_a_hopeless_rate_is_refused_before_foldings_are_enumerated(monkeypatch):
    """The lanes that it needs say so; what is told of it comes from even foldings alone."""
    network = lower(from_text("4x4x4 - D256 - D4", levels=1, bits=1))
    made = []
    init = Choices.__init__

    def counted(self, *arguments, even=False, **others):
        made.append(even)
        init(self, *arguments, even=even, **others)

    monkeypatch.setattr(Choices, "__init__", counted)
    with pytest.raises(FoldingError, match=r"one that does needs LUT .* too many\)"):
        Search(network, Goal(board(lut=2000), 100.0, 90, 4)).run()
    assert made
    assert all(made)


@given(name=st.sampled_from(sorted(TEXTS)), target=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_no_accelerator_has_fewer_luts_than_the_bound_of_its_elements(name, target):
    rows = every_accelerator(name)
    allowed, network = rows[rows[:, 0] <= target], network_of(name)
    bound = sum(least_luts(layer, network.served, "xc7", target) for layer in serial(network))
    assert len(allowed) == 0 or bound <= allowed[:, 1].min()


def test_even_foldings_are_those_that_leave_no_lane_idle():
    layer = serial(lower(from_text("1x7x1 - D5 - D2", levels=1, bits=1)))[0]
    most = np.full(4, 1e9)
    every, even = (every_folding(layer, (1,), "xc7", 1000, most, even=even) for even in (False, True))
    assert len(every) == 2 * 5 * 7
    assert sorted(set(even.pe)) == [1, 2, 3, 5]
    assert sorted(set(even.simd)) == [1, 2, 3, 4, 7]
    assert len(even) == 2 * 4 * 5


def test_every_folding_is_counted():
    """The certificate's count is the product of all PE, SIMD, lanes and styles that meet the target."""
    network = network_of("dense")
    found = Search(network, Goal(board(), 100.0, 100, 10_000)).run()
    counts = [
        dense.weights.rows * dense.weights.columns * (network.levels if index else network.input.bits)
        for index, dense in enumerate(layer.op for layer in network.layers)
    ]
    assert found.certificate["foldings_enumerated"] == len(WEIGHT_STYLES) * sum(counts)
    assert math.prod(counts) > 1


@pytest.mark.parametrize("name", sorted(TEXTS))
@pytest.mark.parametrize("most", [1, 2, 4])
def test_an_input_as_narrow_as_a_shell(name, most):
    """No beat is wider, whatever the target, and what it costs in cycles is known."""
    network = network_of(name)
    beats = -(-network.input.samples // most)
    found = Search(network, Goal(board(), 100.0, 90, None, most)).run()
    assert found.samples_per_beat <= most
    assert found.target_cycles >= beats
    free = Search(network, Goal(board(), 100.0, 90, None)).run()
    assert found.target_cycles == max(free.target_cycles, beats) or free.samples_per_beat > most
    if beats > 1:
        with pytest.raises(FoldingError, match=rf"samples come at most {most} a cycle|no folding takes at most"):
            Search(network, Goal(board(), 100.0, 90, beats - 1, most)).run()
