"""Which unit computes which nodes of the network: every node has one, and one alone."""

import numpy as np
import pytest
from tests.networks.draw import draw_conv_network, draw_foldings, draw_network

from rebnet.ir.ops import Dense, MaxPool, Scores
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.window import WindowUnit


@pytest.mark.parametrize("seed", range(40))
def test_every_node_has_its_unit(seed: int) -> None:
    rng = np.random.default_rng([seed, 9])
    network = (draw_network, draw_conv_network)[seed % 2](rng, seed)
    accelerator = accelerator_of(network, draw_foldings(rng, network), 1)
    computed = [node for nodes in accelerator.computes.values() for node in nodes]
    assert sorted(computed) == sorted(node.name for node in network.nodes if not isinstance(node.op, Scores))
    units = {unit.instance: unit for unit in accelerator.stages}
    instances = [unit.instance for unit in accelerator.units]
    assert accelerator.reads == {
        one: (before,) for one, before in zip(instances[1:], instances, strict=False)
    }  # a chain
    for instance, (first, *_) in accelerator.computes.items():
        op, unit = network.by_name[first].op, units[instance]
        match op:
            case Dense():
                assert isinstance(unit, Mvtu)
                assert (unit.rows, unit.cols) == (op.weights.rows, op.weights.columns)
            case MaxPool():
                assert isinstance(unit, WindowUnit)
                assert unit.pool
                assert unit.window == op.window
            case _:
                raise AssertionError(op)
