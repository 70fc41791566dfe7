"""Pass: every rescale gets one set of constants for each served level count."""

from dataclasses import replace

import numpy as np

from rebnet.ir.features import Rescale
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Op
from rebnet.ir.rewrite import rewritten


def rescales(network: Network) -> Network:
    """Rescale -> Rescale with constants of shape (served, rows)."""

    def rule(node: Node[Op]) -> tuple[Op]:
        if not isinstance(node.op, Rescale):
            return (node.op,)
        shape = (len(network.served), node.op.scale.shape[-1])
        scale, bias = (np.broadcast_to(numbers, shape).copy() for numbers in (node.op.scale, node.op.bias))
        return (replace(node.op, scale=scale, bias=bias),)

    return rewritten(network, rule)
