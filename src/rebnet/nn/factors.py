"""The factors of residual signs as hardware has them: integers over a power of two."""

from dataclasses import replace

from rebnet.errors import OptionError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Dense, Op, ResidualSign
from rebnet.spec.gains import choose_gains


def with_factors(network: Network) -> Network:
    """The network with the power of two under the factors, which the modules that say them do not know.

    Raises:
        OptionError: Factors are no integers over a power of two.
    """
    return network.with_ops(on_grid(network, node) for node in network.nodes)


def on_grid(network: Network, node: Node[Op]) -> Op:
    """A residual sign with the fraction bits of its factors; any other operation as it is; raises as above."""
    if not isinstance(node.op, ResidualSign):
        return node.op
    users = [user.op for user in network.users[node.name]]
    inputs = max((op.weights.columns * sum(op.weights.gains) for op in users if isinstance(op, Dense)), default=1)
    *fewer, most = (_on_grid(network, one, inputs) for one in (*node.op.fewer, node.op))
    return replace(most, fewer=tuple(fewer))


def _on_grid(network: Network, sign: ResidualSign, inputs: int) -> ResidualSign:
    """The factors with their fraction bits: they must be exactly gains over a power of two."""
    if len(sign.gammas) == 1:
        return replace(sign, fewer=())
    for gain_bits in range(network.levels, 17):
        gains, fraction_bits = choose_gains(sign.gammas, inputs, network.levels, gain_bits, threshold_bits=32)
        if tuple(gain / 2.0**fraction_bits for gain in gains) == sign.gammas:
            return ResidualSign(sign.gammas, fraction_bits)
    raise OptionError(
        f"{network.name}: factors {sign.gammas} are no integer gains over a power of two; give export training images, "
        "so that it can snap them and recalibrate BatchNorm"
    )
