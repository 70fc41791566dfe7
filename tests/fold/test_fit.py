"""A folding for a board: the limit that was asked for, and what a synthesis counted beyond the prediction."""

import math

import pytest
from tests.fold.test_search import board
from tests.ir.networks import from_text

from rebnet import boards
from rebnet.boards import Resources
from rebnet.errors import FoldingError, OptionError
from rebnet.fold.search.fit import Constraints, check_limit, counted_more, fold_for_board, predicted, requested, total
from rebnet.fold.search.search import Goal
from rebnet.lower import lower


def silent(stage):
    pass


def taken_of(goal, margin):
    network = lower(from_text("4x4x1 - D16 - D4", levels=1, bits=1))
    accelerator, depths, record = fold_for_board(network, goal, margin, silent)
    return total(predicted(accelerator, depths, goal.board)), record


def test_what_was_counted_more_is_left_free():
    """The same question with a margin: what is predicted then keeps the limit with the margin on top."""
    free, record = taken_of(Goal(board(lut=10_000), 100.0, 90, None), {})
    assert "margin" not in record
    device = board(lut=math.ceil(free.lut / 0.9))
    exact, _ = taken_of(Goal(device, 100.0, 90, None), {})
    assert 1.05 * exact.lut > 0.9 * device.part.device.lut >= exact.lut
    smaller, record = taken_of(Goal(device, 100.0, 90, None), {"LUT": 5.0})
    assert 1.05 * smaller.lut <= 0.9 * device.part.device.lut
    assert record["margin"] == {"LUT": 5.0}
    assert record["max_utilisation"] == 90


def test_a_refusal_says_what_was_left_free():
    with pytest.raises(FoldingError) as caught:
        taken_of(Goal(board(lut=700), 100.0, 90, None), {"LUT": 300.0, "DSP": 1.25})
    assert str(caught.value).endswith(
        "; all of it less what a synthesis counted more than predicted (LUT 300.0 %, DSP 1.2 %)"
    )


def test_counted_more():
    thought = Resources(lut=1000, ff=500, bram_36k=4, bram_18k=1, dsp=0)
    assert counted_more(thought, thought) == {}
    counted = Resources(lut=1045, ff=400, bram_36k=4, bram_18k=2, dsp=3)
    assert counted_more(thought, counted) == {"LUT": 4.5, "BRAM": 11.112}


def test_a_folding_that_was_given_keeps_the_limit_or_is_refused():
    needed = Resources(lut=16_300, ff=100, bram_36k=37, bram_18k=1, dsp=61)
    check_limit(Constraints("xc7s50"), "paper", needed)
    check_limit(Constraints("xc7s50", max_utilisation=51), "paper", needed)
    with pytest.raises(FoldingError) as caught:
        check_limit(Constraints("xc7s50", max_utilisation=50), "paper", needed)
    assert str(caught.value) == (
        "folding 'paper' on xc7s50: needs DSP 61 of 60 allowed (50.8 % of the device), by prediction, with "
        "--max-utilisation 50; allow more, or leave --folding out and the largest that fits is searched"
    )


@pytest.mark.parametrize("percent", [0, -1, 100.5, math.nan, math.inf])
def test_no_such_share(percent):
    with pytest.raises(OptionError) as caught:
        requested("xc7s50", None, percent, None)
    assert str(caught.value) == f"max_utilisation={percent:g}; use more than 0 and at most 100 percent"


@pytest.mark.parametrize("rate", [1e-320, 5e-324, 0.001])
def test_a_rate_so_low_that_any_accelerator_keeps_it(rate):
    goal = requested("xc7s50", rate, None, None).goal()
    assert goal.target_cycles >= 1e6 * boards.find("xc7s50").clock_mhz


def test_parts_of_the_ecp5_are_searched():
    """A larger part of the family has a faster folding, and what is predicted of either is on it."""
    network = lower(from_text("16x16x1 - C32:3x3 - MP2 - C64:3x3 - D64 - D10", levels=2, bits=8))
    bounds = []
    for name in ("ulx3s-25", "ulx3s-85"):
        goal = requested(name, None, None, None).goal()
        accelerator, depths, record = fold_for_board(network, goal, {}, silent)
        assert record.board == name
        assert boards.find(name).part.fits(total(predicted(accelerator, depths, goal.board)))
        bounds.append(accelerator.bound_cycles(2))
    assert bounds[0] > bounds[1]
