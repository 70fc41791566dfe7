"""Lane and row padding: what a padded lane or row adds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rebnet.spec.padding import pad_columns, weight_tiles
from rebnet.spec.xnor import popcount_xnor

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 40), st.integers(1, 50))
def test_padded_columns_add_nothing(seed, columns, simd):
    rng = np.random.default_rng(seed)
    bits, weights = rng.random((3, columns)) < 0.5, rng.random((4, columns)) < 0.5
    wide_bits, wide_weights = pad_columns(bits, simd, False), pad_columns(weights, simd, True)
    assert wide_bits.shape[-1] % simd == 0
    assert wide_bits.shape[-1] - columns < simd
    agree = (wide_bits[:, None] == wide_weights[None]).sum(axis=-1)
    assert np.array_equal(agree, popcount_xnor(bits, weights))


@given(SEEDS, st.integers(1, 20), st.integers(1, 30), st.integers(1, 24), st.integers(1, 30))
def test_tiles_compute_every_row_and_chunk(seed, rows, columns, pe, simd):
    rng = np.random.default_rng(seed)
    bits, weights = rng.random((2, columns)) < 0.5, rng.random((rows, columns)) < 0.5
    tiles = weight_tiles(weights, pe, simd)
    assert tiles.shape == (-(-rows // pe), -(-columns // simd), pe, simd)
    words = pad_columns(bits, simd, False).reshape(2, -1, simd)
    counts = np.zeros((2, len(tiles) * pe), dtype=np.int64)
    for fold, chunks in enumerate(tiles):
        for chunk, tile in enumerate(chunks):
            counts[:, fold * pe : (fold + 1) * pe] += (words[:, None, chunk] == tile[None]).sum(axis=-1)
    assert np.array_equal(counts[:, :rows], popcount_xnor(bits, weights))


def test_tiles_by_hand():
    tiles = weight_tiles(np.zeros((3, 3), dtype=bool), pe=2, simd=2)
    assert tiles.astype(int).tolist() == [
        [[[0, 0], [0, 0]], [[0, 1], [0, 1]]],
        [[[0, 0], [1, 1]], [[0, 1], [1, 1]]],
    ]


def test_more_elements_than_rows_are_all_padding():
    assert weight_tiles(np.zeros((10, 4), dtype=bool), pe=16, simd=4)[0, 0, 10:].all()
