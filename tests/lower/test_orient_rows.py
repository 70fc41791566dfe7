"""Pass: slopes of hidden layers are made positive by flipping weights."""

from dataclasses import replace

import numpy as np
from tests.ir.networks import exported, tiny, tiny_any
from tests.lower.test_fold_batchnorm import AFTER as BEFORE
from tests.lower.test_fold_batchnorm import ANY_AFTER as ANY_BEFORE

from rebnet.ir.ops import Dense
from rebnet.ir.text import to_text
from rebnet.lower.assign_gains import assign_gains
from rebnet.lower.fold_batchnorm import fold_batchnorm
from rebnet.lower.orient_rows import orient_rows
from rebnet.spec.xnor import accumulate

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  affine a=[0.166666667,0.0833333333] b=[-0.5,1.125]
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  affine a=[0.4999975,-0.24999875] b=[0.5,1]
"""


def affine_network(network):
    return fold_batchnorm(assign_gains(network))


def test_before_and_after():
    network = affine_network(tiny())
    assert to_text(network) == BEFORE
    assert to_text(orient_rows(network)) == AFTER


def test_a_times_v_stays_what_it_was():
    network = affine_network(exported(seed=5, levels=3, dead=0.2))
    oriented = orient_rows(network)
    rng = np.random.default_rng(0)
    for position, op in enumerate(network.ops[:-2]):
        if not isinstance(op, Dense):
            continue
        dense, affine = oriented.ops[position], oriented.ops[position + 1]
        planes = rng.random((len(op.gains[-1]), 20, op.weights.columns)) < 0.5
        before, after = (2 * accumulate(planes, x.weights.bits, x.gains[-1]) - x.reaches[-1] for x in (op, dense))
        assert np.array_equal(before * network.ops[position + 1].a, after * affine.a)
        assert (affine.a >= 0).all()


def test_the_last_layer_keeps_its_signs():
    network = affine_network(exported(seed=5))
    assert (network.ops[-1].a < 0).any()
    assert orient_rows(network).ops[-2:] == network.ops[-2:]


ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  affine a=[[0.166666667,0.166666667],[0.166666667,0.0833333333]] b=[[0.25,0.5],[-0.5,1.125]]
  residual_sign gammas=(0.5)/(0.75,0.25) fraction_bits=0/2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  affine a=[[0.999995,0.4999975],[0.4999975,-0.24999875]] b=[[0,1],[0.5,1]]
"""


def test_one_orientation_for_all_level_counts():
    network = affine_network(tiny_any())
    assert to_text(network) == ANY_BEFORE
    assert to_text(orient_rows(network)) == ANY_AFTER


def test_a_row_without_slope_at_some_level_count_takes_the_others_orientation():
    network = affine_network(tiny_any())
    affine = replace(network.ops[1], a=np.asarray([[0.0, 0.0], [-1.0, 1.0]]))
    oriented = orient_rows(network.with_ops((network.ops[0], affine, *network.ops[2:])))
    assert oriented.ops[1].a.tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert oriented.layers[0].op.weights.bits.tolist() == [[False, False], [True, False]]
