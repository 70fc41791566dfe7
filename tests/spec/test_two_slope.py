"""Two slopes against exact fractions, and their bounds against every feature there may be."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.two_slope import MOST_SLOPE_SHIFT, SLOPE_BITS, slope_shift, two_slope, two_slope_bounds

MOST = 1 << (SLOPE_BITS - 1)
SLOPES = st.integers(-MOST, MOST - 1)
SHIFTS = st.integers(-60, 60)
CHANNELS = st.lists(st.tuples(SLOPES, SHIFTS, SHIFTS), min_size=1, max_size=4)


def constants(channels):
    return tuple(np.array(numbers, dtype=np.int64) for numbers in zip(*channels, strict=True))


@given(CHANNELS, st.integers(0, MOST_SLOPE_SHIFT), st.integers(-50, 50), st.integers(0, 60))
def test_law_and_bounds(channels, shift, low, reach):
    """ReActNet's formula, rounded half up to whole units; the bounds are those of all features in a range."""
    z = np.arange(low, low + reach + 1)
    found = two_slope(z[:, None], *constants(channels), shift)
    for index, (slope, before, after) in enumerate(channels):
        for number, result in zip(z.tolist(), found[:, index].tolist(), strict=True):
            x = number + before
            real = Fraction(x) if x > 0 else Fraction(slope, 2**shift) * x
            assert result == floor(real + Fraction(1, 2)) + after
    ends = two_slope_bounds(low, low + reach, *constants(channels), shift)
    assert ends == (found.min(), found.max())


def test_a_slope_of_one_is_no_bend():
    z = np.arange(-9, 9)[:, None]
    one, none = np.array([4]), np.array([0])
    assert np.array_equal(two_slope(z, one, none, none, 2), z)
    assert np.array_equal(two_slope(z, none, none, none, 0), np.maximum(z, 0))


@pytest.mark.parametrize("peak", [0.0, 0.25, 0.9999, 1.0, 1.5, 700.0, 32767.0])
def test_the_finest_shift(peak):
    shift = slope_shift(peak)
    assert round(peak * 2**shift) < MOST
    assert shift == MOST_SLOPE_SHIFT or peak * 2 ** (shift + 1) > MOST - 1


def test_a_slope_beyond_16_bits_has_no_shift():
    assert slope_shift(32767.5) is None
    assert slope_shift(float("nan")) is None
