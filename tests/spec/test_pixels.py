"""An image is already a residual code."""

from fractions import Fraction

import numpy as np
import pytest

from rebnet.spec.pixels import pixel_gains, pixel_planes, pixel_values
from rebnet.spec.residual import code

ALL = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_pixel_is_exactly_its_code(bits):
    planes, gains, peak = pixel_planes(ALL, bits), pixel_gains(bits), 2**bits - 1
    for pixel in range(256):
        top = pixel >> (8 - bits)
        assert sum(g * (1 if bit else -1) for g, bit in zip(gains, planes[:, pixel], strict=True)) == 2 * top - peak
        assert pixel_values(ALL, bits)[pixel] == float(Fraction(2 * top - peak, peak))
    assert np.array_equal(code(planes), ALL >> (8 - bits))


@pytest.mark.parametrize("bits", range(1, 9))
def test_gains_are_powers_of_two_that_sum_to_the_peak(bits):
    assert pixel_gains(bits) == tuple(2**power for power in range(bits - 1, -1, -1))
    assert sum(pixel_gains(bits)) == 2**bits - 1


def test_values_span_minus_one_to_one():
    assert pixel_values(ALL, 8)[[0, 255]].tolist() == [-1, 1]
    assert set(pixel_values(ALL, 1)) == {-1, 1}


def test_planes_keep_the_shape_behind_the_plane():
    assert pixel_planes(np.zeros((2, 4, 4, 3), dtype=np.uint8), 5).shape == (5, 2, 4, 4, 3)
