"""Pass: affine and residual sign become one integer threshold and M - 1 steps per channel."""

import numpy as np

from rebnet.errors import LoweringError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, Op, ResidualSign, Threshold
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Integer
from rebnet.spec.residual import encode
from rebnet.spec.threshold import Steps, constant_code, fit, threshold_and_steps


def thresholds(network: Network) -> Network:
    """Affine, ResidualSign -> Threshold.

    Raises:
        LoweringError: a channel's numbers have no exact form in T bits; names layer and channel.
    """

    def rule(node: Node[Op]) -> tuple[Op, ...]:
        match node.op:
            case Affine() if node not in network.answers:
                return ()
            case ResidualSign():
                return (_threshold(network, node, node.op),)
        return (node.op,)

    return rewritten(network, rule)


def _threshold(network: Network, node: Node[Op], sign: ResidualSign) -> Threshold:
    """The threshold of a residual sign that reads an affine of accumulators."""
    front, layer = network.before(node), network.layer_of(node)
    assert front is not None
    assert isinstance(front.op, Affine)
    assert layer is not None
    sums, served = network.read(front), network.served
    assert isinstance(sums, Integer)
    t = np.zeros((len(served), sums.shape.channels), dtype=np.int64)
    steps = np.zeros((*t.shape, network.levels - 1), dtype=np.int64)
    a, b = np.broadcast_to(front.op.a, t.shape), np.broadcast_to(front.op.b, t.shape)
    for index, (levels, reach) in enumerate(zip(served, sums.high, strict=True)):
        gammas = sign.factors(levels)
        for row in range(t.shape[1]):
            try:
                exact = _channel(a[index, row], b[index, row], gammas, reach, network.threshold_bits)
            except LoweringError as error:
                raise LoweringError(
                    f"layer {layer.name}, channel {row}, at {levels} levels: {error} (--threshold-bits)"
                ) from None
            t[index, row], steps[index, row, : levels - 1] = exact
    return Threshold(t, steps)


def _channel(a: float, b: float, gammas: tuple[float, ...], reach: int, threshold_bits: int) -> tuple[int, Steps]:
    if a == 0:
        bits = encode(np.asarray(b), gammas)
        return constant_code([bool(bit) for bit in bits], reach)
    return fit(*threshold_and_steps(a, b, gammas, reach), reach, threshold_bits)
