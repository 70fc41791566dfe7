"""Pass: pool codes instead of real values.

Codes order their inputs, so the largest code is the code of the largest input, whatever the factors. Training pools
the real values, because their gradient has no ties; hardware compares codes.
"""

from rebnet.ir.ops import MaxPool, Network, Op, ResidualSign


def pool_codes(network: Network) -> Network:
    """MaxPool, ResidualSign -> ResidualSign, MaxPool."""
    ops: list[Op] = list(network.ops)
    for position in range(len(ops) - 1):
        if isinstance(ops[position], MaxPool) and isinstance(ops[position + 1], ResidualSign):
            ops[position], ops[position + 1] = ops[position + 1], ops[position]
    return network.with_ops(tuple(ops))
