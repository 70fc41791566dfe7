"""Pass: BatchNorm and the layer's real factors become z = a·v + b per unit of v."""

import numpy as np

from rebnet.ir.ops import Affine, BatchNorm, Dense, Floats, Network, Op


def fold_batchnorm(network: Network) -> Network:
    """Dense, BatchNorm -> Dense, Affine."""
    ops: list[Op] = []
    step: Floats = np.ones(1)
    for op in network.ops:
        if isinstance(op, Dense):
            assert op.unit is not None
            step = op.scale * np.asarray(op.unit)
        if isinstance(op, BatchNorm):
            slope = op.weight / np.sqrt(op.variance + op.epsilon)
            a = (
                slope * step[:, None] if len(step) > 1 else slope * step[0]
            )  # units of their own give slopes of their own
            ops.append(Affine(a=a, b=np.broadcast_to(op.bias - op.mean * slope, a.shape)))
        else:
            ops.append(op)
    return network.with_ops(tuple(ops))
