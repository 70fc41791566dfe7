"""Pass: pool and move codes instead of real values.

Codes order their inputs, so the largest code is the code of the largest input, whatever the factors. Training pools
before BatchNorm, which is the same as behind it where BatchNorm negates no channel; lowering cannot undo it where the
weight of such a BatchNorm is negative, a rule that `verify` holds. Upsampling commutes with all that works place by
place, and so does depth to space; what stands behind it has a number for each channel that is left, which in front of
it all channels have that become one.
"""

from dataclasses import replace
from itertools import takewhile
from math import prod

from rebnet.ir.features import DepthToSpace, Moved, Rescale
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import BatchNorm, MaxPool, MultiThreshold, Op, ResidualSign
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Real


def pool_codes(network: Network) -> Network:
    """[BatchNorm], MaxPool, [BatchNorm], ResidualSign -> BatchNorm, ResidualSign, MaxPool; so too where maps are moved.

    Where a rescale follows in the place of BatchNorm, the pool stands behind that, on features.
    """

    def real(node: Node[Op]) -> bool:
        return isinstance(network.values[node.name], Real)

    def rule(node: Node[Op]) -> tuple[Op | Node[Op], ...]:
        if isinstance(node.op, MaxPool | Moved) and real(node):
            return ()
        before = [one for one in takewhile(real, network.front(node)) if isinstance(one.op, MaxPool | Moved)]
        times = prod(one.op.block**2 for one in before if isinstance(one.op, DepthToSpace))
        if isinstance(node.op, BatchNorm | MultiThreshold | Rescale) and times > 1:
            node = replace(node, op=node.op.repeated(times))
        behind = before if isinstance(node.op, ResidualSign | Rescale) else []
        return (node, *reversed(behind))

    return rewritten(network, rule)
