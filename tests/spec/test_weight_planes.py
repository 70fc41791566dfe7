"""Weights in planes against plain loops: w = Σ h_j·(±1), A = Σ_i Σ_j g_i·h_j·p_ij and v = 2A - R."""

import numpy as np
import pytest

from rebnet.spec.xnor import accumulate, odd_gains, reach, weight_values

GAINS = [(1,), (1, 1), odd_gains(2), odd_gains(8), (7, 3, 2)]


@pytest.mark.parametrize("weight_gains", GAINS)
@pytest.mark.parametrize("gains", [(1,), (5, 2), odd_gains(8)])
def test_sums_are_products_of_the_values(gains, weight_gains):
    rng = np.random.default_rng(0)
    planes, weights = rng.random((len(gains), 4, 9)) < 0.5, rng.random((len(weight_gains), 3, 9)) < 0.5
    for vector, sums in zip(planes.transpose(1, 2, 0), accumulate(planes, weights, gains, weight_gains), strict=True):
        for row, a in zip(weights.transpose(1, 2, 0), sums, strict=True):
            v = 0
            for bits, signs in zip(vector, row, strict=True):
                value = sum(g if bit else -g for g, bit in zip(gains, bits, strict=True))
                weight = sum(h if sign else -h for h, sign in zip(weight_gains, signs, strict=True))
                v += value * weight
            assert 0 <= a <= reach(9, gains, weight_gains)
            assert 2 * a - reach(9, gains, weight_gains) == v


def test_values_of_weights():
    every = np.array(np.meshgrid(*[[False, True]] * 3, indexing="ij")).reshape(3, 1, 8)
    assert weight_values(every, odd_gains(3)).tolist() == [[-7, -5, -3, -1, 1, 3, 5, 7]]
    assert weight_values(every[:2, :, ::2], (1, 1)).tolist() == [[-2, 0, 0, 2]]


def test_one_plane_is_the_rule():
    rng = np.random.default_rng(1)
    planes, weights = rng.random((2, 4, 9)) < 0.5, rng.random((3, 9)) < 0.5
    assert np.array_equal(accumulate(planes, weights, (2, 1)), accumulate(planes, weights[None], (2, 1), (1,)))
    with pytest.raises(ValueError, match="zip"):
        accumulate(planes, weights, (2, 1), (2, 1))
