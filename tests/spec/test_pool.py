"""Pooling codes against plain loops, and against encoding the largest of the real values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.pool import max_pool
from rebnet.spec.residual import decode, encode
from rebnet.spec.window import Window

from .draw_windows import any_windows, axis_starts, enlarged

POOLS = any_windows(4, 5)
GAMMAS = st.lists(st.floats(1e-3, 10), min_size=1, max_size=5)


def plain_pool(planes, window):
    """The largest code of each window, as a number, one at a time."""
    _, images, height, width, channels = planes.shape
    texts = ["".join(str(int(bit)) for bit in planes[(slice(None), *place)]) for place in np.ndindex(planes.shape[1:])]
    codes = np.asarray([int(text, 2) for text in texts]).reshape(images, height, width, channels)
    return np.asarray([largest(codes[n], window) for n in range(images)])


def largest(values, window):
    """The largest of each window and channel of one map, of what lies on it."""
    (high, wide), (height, width) = window.kernel, values.shape[:2]
    return [
        [values[max(y, 0) : y + high, max(x, 0) : x + wide].max(axis=(0, 1)) for x in axis_starts(window, 1, width)]
        for y in axis_starts(window, 0, height)
    ]


def maps(seed, shape):
    """Real values with many ties, zeros of both signs among them."""
    rng = np.random.default_rng(seed)
    values = rng.choice([rng.normal(0, 2), 0.0, -0.0, 0.5, -0.5], shape)
    return np.where(rng.random(shape) < 0.5, values, rng.normal(0, 2, shape))


@given(POOLS, st.integers(1, 4), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_the_largest_code(window, levels, more_rows, more_columns, seed):
    shape = (levels, 2, *enlarged(window, 1 + more_rows, 1 + more_columns), 3)
    planes = np.random.default_rng(seed).random(shape) < 0.5
    result = max_pool(planes, window)
    assert result.dtype == np.bool_
    numbers = np.tensordot(1 << np.arange(levels)[::-1], result.astype(int), axes=1)
    assert numbers.tolist() == plain_pool(planes, window).tolist()


@given(POOLS, GAMMAS, st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_it_equals_encoding_the_largest_value_for_any_factors(window, gammas, more, seed):
    """Greedy codes order their inputs whatever the factors: no super-increasing γ is needed."""
    x = maps(seed, (2, *enlarged(window, more + 1, more + 2), 2))
    pooled = np.asarray([largest(one, window) for one in x])
    assert np.array_equal(max_pool(encode(x, gammas), window), encode(pooled, gammas))


def test_the_largest_code_need_not_be_the_largest_value():
    """γ = (1, 4) is not super-increasing: code 10 stands behind 01 in value, and still wins."""
    gammas = (1.0, 4.0)
    planes = np.asarray([[True, False], [False, True]]).reshape(2, 1, 1, 2, 1)
    assert decode(planes, gammas).ravel().tolist() == [-3.0, 3.0]
    pooled = max_pool(np.repeat(planes, 2, axis=2), Window(2, 2))
    assert pooled.ravel().tolist() == [True, False]


def test_what_stands_beyond_the_last_window_is_left_out():
    planes = np.zeros((1, 1, 5, 5, 1), dtype=bool)
    planes[0, 0, 4, 4, 0] = True
    assert max_pool(planes, Window(2, 2)).tolist() == [[[[[False], [False]], [[False], [False]]]]]
    assert max_pool(planes, Window(3, 2))[0, 0, :, :, 0].tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize("images", [0, 1])
def test_few_images(images):
    assert max_pool(np.ones((2, images, 4, 6, 3), dtype=bool), Window(2, 2)).shape == (2, images, 2, 3, 3)
