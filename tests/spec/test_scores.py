"""Integer scores: widths, one common scale, the label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.scores import labels, quantize_scores, score_bits, scores

NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12), st.integers(4, 32))
def test_every_score_fits_its_width(pairs, threshold_bits):
    a, b = np.asarray(pairs).T
    scale, bias = quantize_scores(a, b, threshold_bits)
    assert scale.dtype == bias.dtype == np.int64
    assert np.abs(scale).max() < 2**15
    assert np.abs(bias).max() < 2 ** (threshold_bits + 15)
    most = 2 ** (threshold_bits - 1) - 1
    for accumulator, reach in ((0, most), (most, most)):
        score = scores(np.full((1, len(a)), accumulator), reach, scale, bias)
        assert np.abs(score).max() < 2 ** (threshold_bits + 16)
    assert score_bits(threshold_bits) == threshold_bits + 17


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_all_classes_have_one_scale_and_it_is_as_fine_as_it_can_be(pairs):
    a, b = np.asarray(pairs).T
    scale, bias = quantize_scores(a, b, 24)
    if not a.any() and not b.any():
        assert not scale.any()
        assert not bias.any()
        return
    common = min(limit / peak for limit, peak in ((2**15 - 1, abs(a).max()), (2**39 - 1, abs(b).max())) if peak)
    assert np.abs(scale - a * common).max() <= 0.5 + 1e-9
    assert np.abs(bias - b * common).max() <= 0.5 + 1e-3
    assert abs(scale).max() == 2**15 - 1 or abs(bias).max() == 2**39 - 1


def test_numbers_too_small_to_divide_by_are_zero():
    scale, bias = quantize_scores(np.asarray([5e-324, 0.0]), np.asarray([0.0, 0.0]), 24)
    assert not scale.any()
    assert not bias.any()


def test_scores_by_hand():
    assert scores(np.asarray([[0, 3], [5, 5]]), 5, np.asarray([2, -1]), np.asarray([1, 10])).tolist() == [
        [-9, 9],
        [11, 5],
    ]


@pytest.mark.parametrize(("row", "label"), [([1, 1, 1], 0), ([0, 7, 7], 1), ([-3, -2, -1], 2), ([-5, -9, -5], 0)])
def test_the_label_is_the_first_index_of_the_maximum(row, label):
    assert labels(np.asarray([row])).tolist() == [label]
