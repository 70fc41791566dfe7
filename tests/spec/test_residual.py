"""Codes: sign, greedy encoding and its order, decoding, Algorithm 1 on integers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rebnet.spec.residual import code, decode, encode, encode_among, encode_integer, sign_bit

POSITIVE = st.floats(1e-6, 1e6)
REAL = st.floats(-1e7, 1e7)
GAMMAS = st.lists(POSITIVE, min_size=1, max_size=8)


@pytest.mark.parametrize("zero", [0.0, -0.0, 0])
def test_sign_of_zero_is_plus_one(zero):
    assert sign_bit(np.asarray([zero])).tolist() == [True]


def test_sign_of_every_other_number():
    assert sign_bit(np.asarray([-1e-300, 1e-300, -5.0, 5.0])).tolist() == [False, True, False, True]


def test_encode_by_hand():
    bits = encode(np.asarray([0.9, 0.2, 0.0, -0.2, -0.9]), (2 / 3, 1 / 3))
    assert code(bits).tolist() == [3, 2, 2, 1, 0]
    assert decode(bits, (2 / 3, 1 / 3)) == pytest.approx([1, 1 / 3, 1 / 3, -1 / 3, -1])


def test_shapes_have_the_plane_first():
    x = np.zeros((2, 5))
    bits = encode(x, (4, 2, 1))
    assert bits.shape == (3, 2, 5)
    assert decode(bits, (4, 2, 1)).shape == (2, 5)
    assert code(bits).shape == (2, 5)


@given(REAL, GAMMAS)
def test_encode_is_the_greedy_recurrence(x, gammas):
    residual, bits = x, []
    for gamma in gammas:
        bits.append(residual >= 0)
        residual -= gamma if bits[-1] else -gamma
    assert encode(np.asarray(x), gammas).tolist() == bits


@given(REAL, GAMMAS)
def test_decoding_error_is_bounded(x, gammas):
    error = abs(x - float(decode(encode(np.asarray(x), gammas), gammas)))
    bound = abs(x)
    for gamma in gammas:
        bound = max(bound - gamma, gamma)  # what |r| can be after one level
    assert error <= bound + 1e-6


@given(st.floats(-1, 1), st.integers(1, 8))
def test_binary_factors_are_off_by_one_smallest_factor_at_most(x, levels):
    gammas = [2.0**-level for level in range(1, levels + 1)]
    assert abs(x - float(decode(encode(np.asarray(x), gammas), gammas))) <= gammas[-1]


@given(st.lists(REAL, min_size=2, max_size=20), GAMMAS)
def test_codes_are_monotone_for_any_factors(values, gammas):
    values.sort()
    codes = code(encode(np.asarray(values), gammas)).tolist()
    assert all(low <= high for low, high in pairwise(codes))


@given(st.lists(REAL, min_size=1, max_size=9), GAMMAS)
def test_encoding_the_maximum_is_the_maximum_of_the_codes(values, gammas):
    x = np.asarray(values)
    assert code(encode(x.max(), gammas)) == code(encode(x, gammas)).max()


@given(st.integers(0, 255), st.integers(1, 8))
def test_code_is_level_one_first(number, levels):
    number %= 1 << levels
    bits = np.asarray([digit == "1" for digit in f"{number:0{levels}b}"])
    assert code(bits) == number


@given(
    st.lists(st.integers(-100, 100), min_size=1, max_size=6),
    st.integers(-50, 50),
    st.lists(st.integers(0, 60), max_size=7),
)
def test_encode_integer_is_encode_of_the_difference(accumulators, threshold, steps):
    a = np.asarray(accumulators)[:, None]
    bits = encode_integer(a, np.asarray([threshold]), np.asarray([steps], dtype=np.int64).reshape(1, -1))
    assert np.array_equal(bits, encode((a - threshold).astype(np.float64), [*steps, 1]))


def test_encode_integer_has_numbers_per_row():
    bits = encode_integer(np.asarray([[5, 5], [9, 1]]), np.asarray([5, 6]), np.asarray([[2], [3]]))
    assert code(bits).tolist() == [[2, 1], [3, 0]]


@given(st.integers(1, 4), st.data())
def test_boundaries_that_may_be_any_count_how_many_are_passed(levels, data):
    count = (1 << levels) - 1
    boundaries = np.sort(data.draw(arrays(np.float64, (2, count), elements=st.floats(-4, 4))), axis=1)
    x = data.draw(arrays(np.float64, (5, 2), elements=st.floats(-5, 5)))
    x[0] = boundaries[:, 0]  # at a boundary it is passed
    found = code(encode_among(x, boundaries))
    assert found.tolist() == [[sum(b <= one[row] for b in boundaries[row]) for row in range(2)] for one in x]
