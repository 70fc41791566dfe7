"""Pass: give every layer with weights the integer gains of the codes that it reads and the unit of v."""

from dataclasses import replace

from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Dense, Op
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Code


def assign_gains(network: Network) -> Network:
    """Dense -> Dense with the gains and the unit of the codes in front of it."""

    def rule(node: Node[Op]) -> tuple[Op]:
        if not isinstance(node.op, Dense):
            return (node.op,)
        codes = network.read(node)
        if not isinstance(codes, Code) or codes.gains is None:
            return (node.op,)
        return (replace(node.op, gains=codes.gains, unit=codes.units),)

    return rewritten(network, rule)
