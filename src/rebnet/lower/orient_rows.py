"""Pass: negate the rows of hidden layers whose slope is below zero, so that every slope is ≥ 0.

The weights are flipped: v becomes -v and a·v stays what it was.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.ops import Affine, Dense, Network, Op


def orient_rows(network: Network) -> Network:
    """Dense, Affine -> Dense with flipped rows, Affine with a ≥ 0 (the last layer keeps its signs)."""
    ops: list[Op] = list(network.ops)
    for position in range(len(ops) - 2):
        dense, affine = ops[position], ops[position + 1]
        if isinstance(dense, Dense) and isinstance(affine, Affine):
            negative: NDArray[np.bool_] = np.any(
                np.atleast_2d(affine.a) < 0, axis=0
            )  # at one m and so, by `verify`, above 0 at none
            ops[position] = replace(dense, weights=dense.weights.flip_rows(negative))
            ops[position + 1] = Affine(a=np.abs(affine.a), b=affine.b)
    return network.with_ops(tuple(ops))
