"""Convolutions in groups against plain loops, and against the plain convolution that they are with one group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.groups import accumulate_groups, group_fault, split_groups
from rebnet.spec.window import Window, windows
from rebnet.spec.xnor import accumulate

from .draw_windows import any_windows


def plain(plane, weights, window, groups):
    """Agreeing bits of every output of one plane of a map, (out height, out width, rows), element by element."""
    height, width, channels = plane.shape
    (top, _), (left, _) = window.padding(height, width)
    (rows, columns), (down, right) = window.kernel, window.stride
    own, each = channels // groups, len(weights) // groups
    found = np.zeros((*window.output(height, width), len(weights)), dtype=np.int64)
    for out_y, out_x, row in np.ndindex(found.shape):
        first = row // each * own
        for ky, kx, channel in np.ndindex(rows, columns, own):
            y, x = out_y * down + ky - top, out_x * right + kx - left
            bit = plane[y, x, first + channel] if 0 <= y < height and 0 <= x < width else False
            found[out_y, out_x, row] += bit == weights[row, (ky * columns + kx) * own + channel]
    return found


@given(
    any_windows(3, 3),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_sums_equal_plain_loops(window, height, width, groups, own, each, seed):
    if not window.fits(height, width):
        return
    rng = np.random.default_rng(seed)
    gains = [int(gain) for gain in rng.integers(1, 9, 2)]
    planes = rng.random((2, 1, height, width, groups * own)) < 0.5
    weights = rng.random((groups * each, window.area * own)) < 0.5
    vectors = windows(planes, window).reshape(2, -1, window.area * groups * own)
    expected = sum(gain * plain(plane[0], weights, window, groups) for gain, plane in zip(gains, planes, strict=True))
    found = accumulate_groups(vectors, weights, gains, window.area, groups)
    assert np.array_equal(found, expected.reshape(-1, groups * each))


def test_one_group_is_the_plain_convolution():
    rng = np.random.default_rng(0)
    planes, weights = rng.random((3, 7, 18)) < 0.5, rng.random((5, 18)) < 0.5
    assert np.array_equal(accumulate_groups(planes, weights, (4, 2, 1), 9, 1), accumulate(planes, weights, (4, 2, 1)))


def test_a_group_has_its_channels_in_the_window_s_own_order():
    element = np.arange(12)  # 2 places of 6 channels
    assert split_groups(element, 2, 3).tolist() == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
    assert split_groups(np.stack([element, 12 + element]), 2, 6)[5].tolist() == [[5, 11], [17, 23]]


@pytest.mark.parametrize(
    ("channels", "rows", "groups", "fault"),
    [
        (8, 8, 8, None),
        (8, 4, 1, None),
        (8, 4, 0, "has 0 groups; use at least 1"),
        (8, 6, 3, "has 3 groups, which do not divide its 8 input channels; use a divisor of both"),
        (6, 8, 3, "has 3 groups, which do not divide its 8 outputs; use a divisor of both"),
    ],
)
def test_groups_divide_channels_and_outputs(channels, rows, groups, fault):
    assert group_fault(channels, rows, groups) == fault


def test_padding_is_the_lowest_code():
    planes = np.ones((1, 1, 1, 1, 2), dtype=np.bool_)
    vectors = windows(planes, Window(3, 1, same=True)).reshape(1, 1, 18)
    assert accumulate_groups(vectors, np.ones((2, 9), dtype=np.bool_), (1,), 9, 2).tolist() == [[1, 1]]
