"""Every served level count gets constants of its own, those of its level count where there are such."""

import numpy as np
from tests.ir.graphs import random_graph

from rebnet.ir.features import Rescale
from rebnet.lower.rescales import rescales


def constants(network):
    return [node.op for node in network.nodes if isinstance(node.op, Rescale)]


def test_one_set_for_each_level_count():
    seen = set()
    for seed in range(40):
        network = random_graph(seed, levels=3)
        for before, after in zip(constants(network), constants(rescales(network)), strict=True):
            assert after.scale.shape == after.bias.shape == (3, before.scale.shape[-1])
            assert (after.shift, after.fraction_bits) == (before.shift, before.fraction_bits)
            for m in (1, 2, 3):
                assert np.array_equal(after.scale[m - 1], before.at(m).scale)
                assert np.array_equal(after.bias[m - 1], before.at(m).bias)
            seen.add(before.scale.ndim)
    assert seen == {1, 2}
