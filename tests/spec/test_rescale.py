"""Rescale: the constants are the nearest, the law is what real numbers say, the bounds are reached."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.errors import LoweringError
from rebnet.spec.rescale import MOST_RESCALE_SHIFT, grid_of, real_values, rescale, rescaled_bounds

NUMBERS = st.floats(-120, 120, allow_nan=False, width=32)


@st.composite
def lines(draw):
    """Slopes and offsets of a few rows, and F."""
    rows = draw(st.integers(1, 5))
    slopes = draw(st.lists(NUMBERS, min_size=rows, max_size=rows))
    offsets = draw(st.lists(NUMBERS, min_size=rows, max_size=rows))
    return np.array(slopes), np.array(offsets), draw(st.integers(-3, 8))


@given(lines(), st.integers(-5000, 5000))
def test_the_law_rounds_the_real_numbers_that_its_constants_stand_for(line, v):
    grid = grid_of(*line[:2], line[2])
    a, b = real_values(grid, line[2])
    unit = Fraction(2) ** line[2]
    for row, z in enumerate(rescale(np.full(len(a), v), grid.scale, grid.bias, grid.shift)):
        real = (Fraction(a[row]) * v + Fraction(b[row])) * unit + Fraction(1, 2)
        assert z == floor(real)
        # half of a 2^-s away from where another z begins, as far as float64 holds a and b
        away = min(real - z, z + 1 - real)
        assert away >= Fraction(1, 4) / (1 << grid.shift) or grid.shift > MOST_RESCALE_SHIFT - 8


@given(lines())
def test_the_constants_are_the_nearest_of_16_bits(line):
    slopes, offsets, fraction_bits = line
    grid = grid_of(slopes, offsets, fraction_bits)
    assert np.abs(grid.scale).max() < 1 << 15
    assert 0 <= grid.shift <= MOST_RESCALE_SHIFT
    peak = np.abs(slopes).max() * 2.0**fraction_bits
    assert grid.shift == MOST_RESCALE_SHIFT or peak * 2.0 ** (grid.shift + 1) > (1 << 15) - 1
    a, b = real_values(grid, fraction_bits)
    step = 2.0 ** -(grid.shift + fraction_bits)
    assert np.abs(a - slopes).max() <= step / 2
    assert np.abs(b - offsets).max() <= step


def test_slopes_that_no_16_bits_hold():
    with pytest.raises(
        LoweringError, match=r"^a slope of 128 a unit .* and 32767 is the most .*; use fewer fraction bits$"
    ):
        grid_of(np.array([1.0, -128.0]), np.zeros(2), 8)


@given(lines(), st.integers(0, 300))
def test_bounds_are_what_is_reached(line, reach):
    grid = grid_of(*line)
    every = np.arange(-reach, reach + 1)[:, None]
    values = rescale(every, grid.scale, grid.bias, grid.shift)
    assert rescaled_bounds(reach, grid.scale, grid.bias, grid.shift) == (values.min(), values.max())
