"""Lane and row padding of a folded layer: how a weight matrix is cut into PE x SIMD tiles."""

import math

import numpy as np

from rebnet.spec.residual import Bits


def pad_columns(bits: Bits, simd: int, value: bool) -> Bits:
    """Extend the last axis to a multiple of SIMD: inputs with 0, weights with 1 (they never agree)."""
    missing = -bits.shape[-1] % simd
    return np.concatenate([bits, np.full((*bits.shape[:-1], missing), value)], axis=-1)


def weight_tiles(weights: Bits, pe: int, simd: int) -> Bits:
    """Weights in the order a matrix-vector unit reads them.

    Rows beyond the matrix are filled with 1 (their outputs are dropped), and so are columns.

    Args:
        weights: shape (rows, columns).
        pe: outputs in parallel.
        simd: inputs in parallel.

    Returns:
        Shape (row folds, column chunks, PE, SIMD): one PE x SIMD tile per cycle.
    """
    rows, columns = weights.shape
    row_folds, chunks = math.ceil(rows / pe), math.ceil(columns / simd)
    full = np.ones((row_folds * pe, chunks * simd), dtype=np.bool_)
    full[:rows, :columns] = weights
    return full.reshape(row_folds, pe, chunks, simd).transpose(0, 2, 1, 3)
