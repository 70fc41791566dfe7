"""Pass: the answer's affine becomes integer scores A_j·v_j + B_j, with one common scale of all classes per served m.

Of a regression, what a unit of them is worth is kept.
"""

import numpy as np

from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, Op, Scores
from rebnet.ir.rewrite import rewritten
from rebnet.spec.scores import quantize_scores, score_scale


def scores(network: Network) -> Network:
    """…, Affine -> …, Scores."""

    def rule(node: Node[Op]) -> tuple[Op]:
        if not isinstance(node.op, Affine) or node not in network.answers:
            return (node.op,)
        shape = (len(network.served), node.op.a.shape[-1])
        sets = list(zip(np.broadcast_to(node.op.a, shape), np.broadcast_to(node.op.b, shape), strict=True))
        scale, bias = zip(*(quantize_scores(a, b, network.threshold_bits) for a, b in sets), strict=True)
        unit = tuple(1 / score_scale(a, b, network.threshold_bits) for a, b in sets) if network.regression else ()
        return (Scores(np.stack(scale), np.stack(bias), unit),)

    return rewritten(network, rule)
