"""Pass: the last affine becomes integer scores A_j·v_j + B_j."""

import numpy as np

from rebnet.ir.ops import Affine, Network, Scores
from rebnet.spec.scores import quantize_scores


def scores(network: Network) -> Network:
    """…, Affine -> …, Scores."""
    last = network.ops[-1]
    assert isinstance(last, Affine)
    scale, bias = quantize_scores(last.a, last.b, network.threshold_bits)
    served = len(network.served)
    op = Scores(np.tile(scale, (served, 1)), np.tile(bias, (served, 1)))
    return network.with_ops((*network.ops[:-1], op))
