"""Pass: pool codes instead of real values.

Codes order their inputs, so the largest code is the code of the largest input, whatever the factors. Training pools
before BatchNorm, which is the same as behind it where BatchNorm negates no channel; lowering cannot undo it where the
weight of such a BatchNorm is negative, a rule that `verify` holds.
"""

from rebnet.ir.network import Network, Node
from rebnet.ir.ops import MaxPool, Op, ResidualSign
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Code


def pool_codes(network: Network) -> Network:
    """[BatchNorm], MaxPool, [BatchNorm], ResidualSign -> BatchNorm, ResidualSign, MaxPool."""

    def rule(node: Node[Op]) -> tuple[Op | Node[Op], ...]:
        match node.op:
            case MaxPool() if not isinstance(network.values[node.name], Code):
                return ()
            case ResidualSign():
                return (node, *(one for one in reversed(network.front(node)) if isinstance(one.op, MaxPool)))
        return (node,)

    return rewritten(network, rule)
