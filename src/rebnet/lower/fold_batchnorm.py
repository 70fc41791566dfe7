"""Pass: BatchNorm and the layer's real factors become z = a·v + b per unit of v."""

import numpy as np

from rebnet.ir.ops import Affine, BatchNorm, Dense, Network, Op


def fold_batchnorm(network: Network) -> Network:
    """Dense, BatchNorm -> Dense, Affine."""
    ops: list[Op] = []
    step = 1.0
    for op in network.ops:
        if isinstance(op, Dense):
            assert op.unit is not None
            step = op.scale * op.unit
        if isinstance(op, BatchNorm):
            slope = op.weight / np.sqrt(op.variance + op.epsilon)
            ops.append(Affine(a=slope * step, b=op.bias - op.mean * slope))
        else:
            ops.append(op)
    return network.with_ops(tuple(ops))
