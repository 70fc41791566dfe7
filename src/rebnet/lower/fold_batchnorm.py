"""Pass: BatchNorm and the layer's real factors become z = a·v + b per unit of v, or per unit of a feature."""

import numpy as np

from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, BatchNorm, Op
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Feature, Integer


def fold_batchnorm(network: Network) -> Network:
    """BatchNorm of accumulators or features -> Affine."""

    def rule(node: Node[Op]) -> tuple[Op]:
        if not isinstance(node.op, BatchNorm):
            return (node.op,)
        match network.read(node):
            case Integer(units=units):
                return (_folded(node.op, np.asarray(units)),)
            case Feature(unit=unit):
                return (_folded(node.op, np.asarray([float(unit)])),)
        return (node.op,)

    return rewritten(network, rule)


def _folded(norm: BatchNorm, unit: np.ndarray) -> Affine:
    """`norm` per unit of v; units of their own give slopes of their own."""
    slope = norm.weight / np.sqrt(norm.variance + norm.epsilon)
    a = slope * unit[:, None] if len(unit) > 1 else slope * unit[0]
    return Affine(a=a, b=np.broadcast_to(norm.bias - norm.mean * slope, a.shape))
