"""Depth to space against the place of every element, of codes and of features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.depth_to_space import depth_to_space

SIZES = st.integers(1, 4)


@given(st.tuples(SIZES, SIZES, SIZES), st.integers(1, 4), st.integers(0, 1 << 30))
def test_every_element_stands_in_its_block(shape, block, seed):
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    features = rng.integers(-99, 99, (2, height, width, channels * block**2))
    found = depth_to_space(features, block)
    assert found.shape == (2, height * block, width * block, channels)
    for y, x, c in np.ndindex(found.shape[1:]):
        read = c * block**2 + y % block * block + x % block
        assert np.array_equal(found[:, y, x, c], features[:, y // block, x // block, read])
    planes = features[None] >> np.arange(3)[:, None, None, None, None] & 1 > 0
    assert np.array_equal(depth_to_space(planes, block), np.stack([depth_to_space(plane, block) for plane in planes]))
    assert np.array_equal(np.sort(found, axis=None), np.sort(features, axis=None))
