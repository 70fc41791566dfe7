"""Pass: pool and upsample codes instead of real values.

Codes order their inputs, so the largest code is the code of the largest input, whatever the factors. Training pools
before BatchNorm, which is the same as behind it where BatchNorm negates no channel; lowering cannot undo it where the
weight of such a BatchNorm is negative, a rule that `verify` holds. Upsampling commutes with all that works place by
place.
"""

from itertools import takewhile

from rebnet.ir.features import Rescale, Upsample
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import MaxPool, Op, ResidualSign
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Real


def pool_codes(network: Network) -> Network:
    """[BatchNorm], MaxPool, [BatchNorm], ResidualSign -> BatchNorm, ResidualSign, MaxPool; so too where maps grow.

    Where a rescale follows in the place of BatchNorm, the pool stands behind that, on features.
    """

    def real(node: Node[Op]) -> bool:
        return isinstance(network.values[node.name], Real)

    def rule(node: Node[Op]) -> tuple[Op | Node[Op], ...]:
        if isinstance(node.op, MaxPool | Upsample) and real(node):
            return ()
        if isinstance(node.op, ResidualSign | Rescale):
            before = takewhile(real, network.front(node))
            return (node, *reversed([one for one in before if isinstance(one.op, MaxPool | Upsample)]))
        return (node,)

    return rewritten(network, rule)
