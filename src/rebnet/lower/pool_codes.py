"""Pass: pool codes instead of real values.

Codes order their inputs, so the largest code is the code of the largest input, whatever the factors. Training pools
before BatchNorm, which is the same as behind it where BatchNorm negates no channel; lowering cannot undo it where the
weight of such a BatchNorm is negative, a rule that `verify` holds.
"""

from rebnet.ir.ops import BatchNorm, MaxPool, Network, Op, ResidualSign


def pool_codes(network: Network) -> Network:
    """[BatchNorm], MaxPool, [BatchNorm], ResidualSign -> BatchNorm, ResidualSign, MaxPool."""
    ops: list[Op] = list(network.ops)
    for position in range(len(ops) - 1):
        if isinstance(ops[position], MaxPool) and isinstance(ops[position + 1], BatchNorm | ResidualSign):
            ops[position], ops[position + 1] = ops[position + 1], ops[position]
    return network.with_ops(tuple(ops))
