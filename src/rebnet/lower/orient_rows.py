"""Pass: negate the rows of hidden layers whose slope is below zero, so that every slope is ≥ 0.

The weights are flipped: v becomes -v and a·v stays what it was.
"""

from dataclasses import replace

import numpy as np

from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, Dense, Op
from rebnet.ir.rewrite import rewritten


def orient_rows(network: Network) -> Network:
    """Dense, Affine -> Dense with flipped rows, Affine with a ≥ 0 (the answer keeps its signs)."""

    def hidden(node: Node[Op]) -> bool:
        return isinstance(node.op, Affine) and node not in network.answers

    def rule(node: Node[Op]) -> tuple[Op]:
        match node.op:
            case Affine(a=a, b=b) if hidden(node):
                return (Affine(a=np.abs(a), b=b),)
            case Dense():
                for user in network.users[node.name]:
                    if isinstance(user.op, Affine) and hidden(user):
                        # below 0 at one m, and so, by `verify`, above 0 at none
                        negative = np.any(np.atleast_2d(user.op.a) < 0, axis=0)
                        return (replace(node.op, weights=node.op.weights.flip_rows(negative)),)
        return (node.op,)

    return rewritten(network, rule)
