"""Integer gains of trained factors."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.errors import LoweringError
from rebnet.spec.gains import choose_gains, fits_accumulator, round_half_up


@pytest.mark.parametrize(("x", "whole"), [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, 0), (-1.5, -1), (0.49, 0), (7, 7)])
def test_halves_round_upward(x, whole):
    assert round_half_up(x) == whole


def test_the_initial_factors():
    assert choose_gains((2 / 3, 1 / 3), 256, 2) == ((85, 43), 7)  # (171, 85) would sum to 256
    assert choose_gains((4 / 7, 2 / 7, 1 / 7), 256, 3) == ((73, 37, 18), 7)


def test_one_level_needs_no_gain():
    assert choose_gains((0.37,), 784, 1) == ((1,), 0)


def reference(gammas, inputs, levels, gain_bits, threshold_bits):
    """The largest f that is legal, by trying all of them."""
    for f in range(60, -60, -1):
        gains = tuple(int(gamma * 2.0**f + 0.5) for gamma in gammas)
        total = sum(gains)
        if total < 2**gain_bits and max(2, levels) * (inputs * total + 2) < 2 ** (threshold_bits - 1):
            return (gains, f) if gains[0] else None
    return None


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=8),
    st.integers(1, 5000),
    st.integers(6, 12),
    st.integers(10, 32),
)
def test_the_largest_legal_fraction_is_chosen(gammas, inputs, gain_bits, threshold_bits):
    gammas.sort(reverse=True)
    expected = reference(gammas, inputs, len(gammas), gain_bits, threshold_bits)
    if expected is None:
        with pytest.raises(LoweringError):
            choose_gains(gammas, inputs, len(gammas), gain_bits, threshold_bits)
        return
    assert choose_gains(gammas, inputs, len(gammas), gain_bits, threshold_bits) == expected


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=8), st.integers(1, 4096))
def test_by_default_an_activation_is_one_byte(gammas, inputs):
    gammas.sort(reverse=True)
    gains, f = choose_gains(gammas, inputs, len(gammas))
    assert sum(gains) <= 255
    assert all(abs(gain - gamma * 2.0**f) <= 0.5 for gain, gamma in zip(gains, gammas, strict=True))
    assert sum(gains) > 100  # no bit is wasted: the next f would nearly double this


def test_more_gain_bits_make_finer_gains():
    gains, f = choose_gains((2 / 3, 1 / 3), 64, 2, gain_bits=12)
    assert (gains, f) == ((1365, 683), 11)


def test_the_accumulator_makes_the_fraction_give_way():
    assert choose_gains((2 / 3, 1 / 3), 1000, 2, threshold_bits=16) == ((11, 5), 4)
    assert not fits_accumulator(1000, 32, 2, 16)


def test_no_gain_fits():
    with pytest.raises(LoweringError) as refusal:
        choose_gains((2 / 3, 1 / 3), 1000, 2, threshold_bits=8)
    assert str(refusal.value) == (
        "γ=(0.6666666666666666, 0.3333333333333333) over 1000 inputs: no gain fits gain_bits=8 and "
        "threshold_bits=8; allow more threshold bits"
    )


@pytest.mark.parametrize(("levels", "factor"), [(1, 2), (2, 2), (3, 3), (8, 8)])
def test_the_accumulator_rule_is_strict(levels, factor):
    most = (2**23 - 1) // factor - 2  # the largest R with factor·(R + 2) < 2^23
    assert fits_accumulator(most, 1, levels, 24)
    assert not fits_accumulator(most + 1, 1, levels, 24)


@pytest.mark.parametrize("gammas", [(0.0, 0.0), (5e-324, 0.0), (1.5e-306, 0.0), (1e308, 1e308)])
def test_factors_without_a_scale(gammas):
    message = f"γ={gammas} over 64 inputs: their sum is no number that gains can be chosen for; train it again"
    with pytest.raises(LoweringError, match=f"^{re.escape(message)}$"):
        choose_gains(gammas, 64, 2)
