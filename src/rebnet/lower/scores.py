"""Pass: the last affine becomes integer scores A_j·v_j + B_j, with one common scale for all classes per served m."""

import numpy as np

from rebnet.ir.ops import Affine, Network, Scores
from rebnet.spec.scores import quantize_scores


def scores(network: Network) -> Network:
    """…, Affine -> …, Scores."""
    last = network.ops[-1]
    assert isinstance(last, Affine)
    shape = (len(network.served), network.classes)
    sets = zip(np.broadcast_to(last.a, shape), np.broadcast_to(last.b, shape), strict=True)
    scale, bias = zip(*(quantize_scores(a, b, network.threshold_bits) for a, b in sets), strict=True)
    return network.with_ops((*network.ops[:-1], Scores(np.stack(scale), np.stack(bias))))
