"""The dot product: popcounts against plain ±1 arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.residual import decode
from rebnet.spec.xnor import accumulate, pack_words, popcount_xnor, reach

SEEDS = st.integers(0, 2**32 - 1)


def signs(bits):
    return np.where(bits, 1, -1)


def draw(seed, *shape):
    return np.random.default_rng(seed).random(shape) < 0.5


@given(SEEDS, st.integers(1, 200), st.integers(1, 4), st.integers(1, 5))
def test_popcount_is_half_the_dot_product_plus_half_the_columns(seed, columns, vectors, rows):
    bits, weights = draw(seed, vectors, columns), draw(seed + 1, rows, columns)
    dot = signs(bits) @ signs(weights).T
    assert np.array_equal(2 * popcount_xnor(bits, weights) - columns, dot)


@pytest.mark.parametrize("vectors", [0, 1, 256, 257, 600])
def test_blocks_of_vectors_do_not_matter(vectors):
    bits, weights = draw(1, vectors, 70), draw(2, 3, 70)
    expected = (bits[:, None, :] == weights[None]).sum(axis=-1)
    assert np.array_equal(popcount_xnor(bits, weights), expected)


@pytest.mark.parametrize("columns", [1, 63, 64, 65, 130])
def test_padded_lanes_never_agree(columns):
    data, rows = pack_words(draw(3, 4, columns), padding=False), pack_words(draw(4, 4, columns), padding=True)
    agree = np.unpackbits((~(data ^ rows)).view(np.uint8), axis=-1)
    assert data.shape[-1] == -(-columns // 64)
    assert not agree[:, columns:].any()


@given(SEEDS, st.integers(1, 90), st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_accumulator_reach_and_signed_value_are_one_thing(seed, columns, gains):
    planes, weights = draw(seed, len(gains), 3, columns), draw(seed + 1, 4, columns)
    a, r = accumulate(planes, weights, gains), reach(columns, gains)
    v = decode(planes, gains).astype(np.int64) @ signs(weights).T
    assert r == columns * sum(gains)
    assert np.array_equal(2 * a - r, v)
    assert a.min() >= 0
    assert a.max() <= r


def test_extremes_of_the_accumulator():
    ones, weights = np.ones((2, 1, 5), dtype=bool), np.asarray([[True] * 5, [False] * 5])
    assert accumulate(ones, weights, (2, 1)).tolist() == [[15, 0]]


def test_planes_beyond_the_gains_are_ignored():
    planes, weights = draw(5, 3, 2, 9), draw(6, 2, 9)
    assert np.array_equal(accumulate(planes, weights, (3, 1)), accumulate(planes[:2], weights, (3, 1)))
    assert np.array_equal(accumulate(planes, weights, (3, 1, 0)), accumulate(planes, weights, (3, 1)))
