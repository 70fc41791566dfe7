"""Pass: affine and residual sign become one integer threshold and M - 1 steps per channel."""

import numpy as np

from rebnet.errors import LoweringError
from rebnet.ir.ops import Affine, Dense, Network, Op, ResidualSign, Threshold
from rebnet.spec.residual import encode
from rebnet.spec.threshold import Steps, constant_code, fit, threshold_and_steps


def thresholds(network: Network) -> Network:
    """Dense, Affine, ResidualSign -> Dense, Threshold.

    Raises:
        LoweringError: a channel's numbers have no exact form in T bits; names layer and channel.
    """
    ops: list[Op] = []
    dense: Dense | None = None
    for position, op in enumerate(network.ops):
        following = network.ops[position + 1] if position + 1 < len(network.ops) else None
        if isinstance(op, Affine) and isinstance(following, ResidualSign):
            assert dense is not None
            ops.append(_threshold(network, dense, op, following))
        elif not isinstance(op, ResidualSign):
            ops.append(op)
        if isinstance(op, Dense):
            dense = op
    return network.with_ops(tuple(ops))


def _threshold(network: Network, dense: Dense, affine: Affine, sign: ResidualSign) -> Threshold:
    rows, served = dense.weights.rows, network.served
    t = np.zeros((len(served), rows), dtype=np.int64)
    steps = np.zeros((len(served), rows, network.levels - 1), dtype=np.int64)
    a, b = np.broadcast_to(affine.a, t.shape), np.broadcast_to(affine.b, t.shape)
    for index, (levels, reach) in enumerate(zip(served, dense.reaches, strict=True)):
        gammas = sign.factors(levels)
        for row in range(rows):
            try:
                exact = _channel(a[index, row], b[index, row], gammas, reach, network.threshold_bits)
            except LoweringError as error:
                raise LoweringError(
                    f"layer {dense.name}, channel {row}, at {levels} levels: {error} (--threshold-bits)"
                ) from None
            t[index, row], steps[index, row, : levels - 1] = exact
    return Threshold(t, steps)


def _channel(a: float, b: float, gammas: tuple[float, ...], reach: int, threshold_bits: int) -> tuple[int, Steps]:
    if a == 0:
        bits = encode(np.asarray(b), gammas)
        return constant_code([bool(bit) for bit in bits], reach)
    return fit(*threshold_and_steps(a, b, gammas, reach), reach, threshold_bits)
