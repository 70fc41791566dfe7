"""Windows against plain loops, their counts against the padding rule, and the one order of their elements."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.window import Window, read_window, windows

from .draw_windows import any_windows, axis_starts, enlarged


def plain_windows(plane, window):
    """All windows of one map (height, width, channels), element by element."""
    height, width, channels = plane.shape
    return [
        [
            [
                bool(plane[y, x, channel]) if 0 <= y < height and 0 <= x < width else False
                for y in range(top, top + window.kernel[0])
                for x in range(left, left + window.kernel[1])
                for channel in range(channels)
            ]
            for left in axis_starts(window, 1, width)
        ]
        for top in axis_starts(window, 0, height)
    ]


@given(any_windows(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_windows_equal_plain_loops(window, height, width, channels, seed):
    height, width = enlarged(window, height, width)
    planes = np.random.default_rng(seed).random((2, 2, height, width, channels)) < 0.5
    expected = [[plain_windows(image, window) for image in plane] for plane in planes]
    result = windows(planes, window)
    assert result.dtype == np.bool_
    assert result.tolist() == expected
    assert result.shape[2:4] == window.output(height, width)


@given(any_windows(), st.integers(1, 300), st.integers(1, 300))
def test_the_padding_rule(window, height, width):
    sizes = enlarged(window, height, width)
    pads, lengths = window.padding(*sizes), window.output(*sizes)
    axes = zip(sizes, pads, lengths, window.kernel, window.stride, window.pads, strict=True)
    for size, (before, after), length, kernel, stride, asked in axes:
        if not window.same:
            assert (before, after) == asked
            assert length == math.floor((size + before + after - kernel) / stride) + 1
            continue
        outputs = math.ceil(size / stride)
        assert length == outputs
        assert before + after == max((outputs - 1) * stride + kernel - size, 0)
        assert before == (before + after) // 2
        assert 0 <= after - before <= 1


@given(any_windows(400, 400))
def test_a_window_is_read_from_its_text(window):
    assert read_window(str(window)) == window


@pytest.mark.parametrize(
    "text", ["", "3", "3x", "x3", "3x3/", "3x3+", "3x3+1x", "3x3+(1)", "3x3+(1,2", "3x3/2/2", "3x3x3"]
)
def test_what_is_no_window(text):
    assert read_window(text) is None


@pytest.mark.parametrize(
    ("window", "size", "padding", "length"),
    [
        (Window(3, 1, same=True), 10, (1, 1), 10),
        (Window(4, 1, same=True), 10, (1, 2), 10),
        (Window(2, 1, same=True), 1, (0, 1), 1),
        (Window(3, 2, same=True), 10, (0, 1), 5),
        (Window(3, 2, same=True), 9, (1, 1), 5),
        (Window(5, 2, same=True), 1, (2, 2), 1),
        (Window(1, 1, same=True), 7, (0, 0), 7),
        (Window(1, 3, same=True), 8, (0, 0), 3),
        (Window(2, 5, same=True), 11, (0, 1), 3),  # windows with gaps between them
        (Window(2, 5, same=True), 14, (0, 0), 3),
        (Window(3, 1), 10, (0, 0), 8),
        (Window(11, 4), 224, (0, 0), 54),
        (Window(3, 2), 54, (0, 0), 26),
        (Window(2, 5), 11, (0, 0), 2),
        (Window(7, 1), 7, (0, 0), 1),
    ],
)
def test_axes_by_hand(window, size, padding, length):
    assert (window.padding(size, size), window.output(size, size)) == ((padding, padding), (length, length))


def test_a_window_larger_than_the_map_has_no_place():
    assert Window(3, 1).output(2, 5) == (0, 3)


@pytest.mark.parametrize("same", [False, True])
def test_elements_stand_in_the_order_row_column_channel(same):
    """Each element carries its own place, 100·row + 10·column + channel, and -1 stands for padding."""
    height, width, channels = 4, 5, 3
    places = np.fromfunction(lambda y, x, c: 100 * y + 10 * x + c, (height, width, channels), dtype=int) + 1
    result = windows(places[None, None].astype(np.int64), Window(2, 1, same))[0, 0] - 1
    assert result[1, 2].tolist() == [120, 121, 122, 130, 131, 132, 220, 221, 222, 230, 231, 232]
    if same:  # 2x2 pads one column and one row, both behind
        assert result[3, 4].tolist() == [340, 341, 342, *[-1] * 9]
        assert result[3, 0].tolist() == [300, 301, 302, 310, 311, 312, *[-1] * 6]


def test_both_axes_pad_by_themselves():
    result = windows(np.ones((1, 1, 4, 1, 1), dtype=bool), Window(3, 2, same=True))[0, 0]
    assert result.astype(int).tolist() == [[[0, 1, 0, 0, 1, 0, 0, 1, 0]], [[0, 1, 0, 0, 1, 0, 0, 0, 0]]]


def test_no_images():
    assert Window(3, 1).output(5, 5) == (3, 3)
    assert Window(3, 1) == Window(3, 1, same=False)


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(3, 1), "3x3"),
        (Window(11, 4), "11x11/4"),
        (Window(3, 1, same=True), "3x3+same"),
        (Window(5, 2, same=True), "5x5/2+same"),
        (Window((1, 9), (1, 2), same=True), "1x9/1x2+same"),
        (Window((9, 1)), "9x1"),
        (Window(3, pads=1), "3x3+1"),
        (Window(3, 2, pads=(0, 1)), "3x3/2+0x1"),
        (Window(3, pads=((0, 1), (0, 1))), "3x3+(0,1)"),
        (Window((3, 5), pads=((1, 0), (2, 2))), "3x5+(1,0)x2"),
    ],
)
def test_text(window, text):
    assert str(window) == text
