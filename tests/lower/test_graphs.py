"""Networks with branches: every code in front of every layer is that of the real numbers, at every level count."""

import numpy as np
import pytest
from tests.ir.graphs import exact_values, random_graph
from tests.ir.networks import images_for

from rebnet.engine.laws import laws_of
from rebnet.engine.packed import PackedEngine
from rebnet.engine.reference import run, run_batch
from rebnet.ir import storage
from rebnet.ir.text import parse, tensors_of, to_text
from rebnet.lower import PASSES, lower
from rebnet.spec.groups import accumulate_groups
from rebnet.spec.window import windows
from rebnet.spec.xnor import accumulate


def planes_in_front(network, images, index):
    """What every layer with weights reads: bit planes by layer."""
    seen = {}

    def accumulate_layer(node, planes, gains):
        op = node.op
        seen[node.name] = planes
        vectors = windows(planes, op.window) if hasattr(op, "window") else planes.reshape(*planes.shape[:2], 1, 1, -1)
        flat = vectors.reshape(len(vectors), -1, vectors.shape[-1])
        if op.group_count > 1:
            sums = accumulate_groups(flat, op.weights.bits, gains, op.window.area, op.groups)
        else:
            sums = accumulate(flat, op.weights.bits, gains, op.weights.gains)
        return sums.reshape(*vectors.shape[1:4], -1)

    run_batch(network, laws_of(network), images, index, accumulate_layer)
    return seen


@pytest.mark.parametrize("seed", range(40))
def test_every_code_is_that_of_the_real_numbers(seed):
    network = random_graph(seed)
    lowered = lower(network)
    images = images_for(network, seed, 5)
    for index, m in enumerate(lowered.served):
        real = exact_values(network, images, m)
        for layer, planes in planes_in_front(lowered, images, index).items():
            unit, gains = network.read(network.by_name[layer]).at(index)
            value = np.tensordot(np.asarray(gains) * unit, np.where(planes, 1.0, -1.0), axes=1)
            assert np.allclose(value, real[network.sources(network.by_name[layer])[0]], rtol=0, atol=1e-9), (layer, m)


@pytest.mark.parametrize("seed", range(12))
def test_engines_agree(seed):
    lowered = lower(random_graph(seed))
    images = images_for(lowered, seed, 7)
    for m in lowered.served:
        assert np.array_equal(PackedEngine(lowered).run(images, m), run(lowered, images, m))


@pytest.mark.parametrize("seed", range(12))
def test_files_and_texts(seed, tmp_path):
    network = random_graph(seed)
    for one_pass in (lambda n: n, *PASSES):
        network = one_pass(network)
        assert parse(to_text(network), tensors_of(network)) == network
        storage.save(network, tmp_path)
        assert storage.load(tmp_path) == network
