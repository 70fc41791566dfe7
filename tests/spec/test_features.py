"""Features: sums, sums of windows, and their largest elements, against loops over every element."""

import numpy as np
import pytest

from rebnet.spec.features import add_features, max_pool_features, sum_pool
from rebnet.spec.window import Window

WINDOWS = [Window(1), Window(2, 2), Window(3, 2), Window(3), Window(2, 3), Window((1, 4), (2, 1)), Window((3, 1), 2)]


@pytest.fixture(params=range(4))
def maps(request):
    return np.random.default_rng(request.param).integers(-500, 500, (2, 5, 6, 3))


def test_a_sum_counts_the_finest_unit():
    each = [np.array([[-3, 5]]), np.array([[1, 2]]), np.array([[10, -1]])]
    assert add_features(each, (2, 0, 1)).tolist() == [[9, 20]]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize(("pool", "of"), [(sum_pool, np.sum), (max_pool_features, np.max)], ids=["sum", "max"])
def test_windows(maps, window, pool, of):
    found = pool(maps, window)
    rows, columns = window.output(5, 6)
    assert found.shape == (2, rows, columns, 3)
    for y in range(rows):
        for x in range(columns):
            top, left = y * window.stride[0], x * window.stride[1]
            part = maps[:, top : top + window.kernel[0], left : left + window.kernel[1]]
            assert np.array_equal(found[:, y, x], of(part, axis=(1, 2)))


def test_the_whole_map(maps):
    assert np.array_equal(sum_pool(maps, None)[:, 0, 0], maps.reshape(2, 30, 3).sum(axis=1))
