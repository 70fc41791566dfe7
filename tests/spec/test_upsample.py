"""Upsampling against the place of every element, of codes and of features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.upsample import Factors, upsample

SIZES = st.integers(1, 5)


@given(st.tuples(SIZES, SIZES, SIZES), st.builds(Factors, SIZES, SIZES), st.integers(0, 1 << 30))
def test_every_place_is_that_of_its_block(shape, factors, seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(-99, 99, (2, *shape))
    found = upsample(features, factors)
    assert found.shape == (2, shape[0] * factors.rows, shape[1] * factors.columns, shape[2])
    for y, x in np.ndindex(found.shape[1:3]):
        assert np.array_equal(found[:, y, x], features[:, y // factors.rows, x // factors.columns])
    planes = features[None] >> np.arange(3)[:, None, None, None, None] & 1 > 0
    assert np.array_equal(upsample(planes, factors), np.stack([upsample(plane, factors) for plane in planes]))
    assert str(factors) == f"{factors.rows}x{factors.columns}"
