"""Optional first pass: serve M levels only, so that the other sets of constants are never made."""

from dataclasses import replace

from rebnet.ir.features import Rescale
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import BatchNorm, Op, ResidualSign
from rebnet.ir.rewrite import rewritten


def fix_levels(network: Network) -> Network:
    """Serves (1, …, M) -> serves (M,), with the sets of numbers for M alone."""

    def rule(node: Node[Op]) -> tuple[Op]:
        match node.op:
            case BatchNorm() | Rescale():
                return (node.op.at(network.levels),)
            case ResidualSign():
                return (replace(node.op, fewer=()),)
        return (node.op,)

    return rewritten(replace(network, served=(network.levels,)), rule)
