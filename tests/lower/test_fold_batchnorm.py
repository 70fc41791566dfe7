"""Pass: BatchNorm becomes a·v + b."""

import numpy as np
from tests.ir.networks import exported, tiny, tiny_any
from tests.lower.test_assign_gains import AFTER as BEFORE
from tests.lower.test_assign_gains import ANY_AFTER as ANY_BEFORE

from rebnet.ir.text import to_text
from rebnet.lower.assign_gains import assign_gains
from rebnet.lower.fold_batchnorm import fold_batchnorm

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  affine a=[0.166666667,-0.0833333333] b=[-0.5,1.125]
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  affine a=[0.4999975,-0.24999875] b=[0.5,1]
"""


def test_before_and_after():
    network = assign_gains(tiny())
    assert to_text(network) == BEFORE
    assert to_text(fold_batchnorm(network)) == AFTER


def test_the_affine_is_the_batchnorm_of_the_scaled_signed_value():
    network = assign_gains(exported(seed=3))
    for position in (1, 4, 7):
        dense, norm, affine = network.ops[position - 1], network.ops[position], fold_batchnorm(network).ops[position]
        v = np.arange(-50, 51)[:, None]
        x = v * dense.unit[0] * dense.scale
        y = norm.weight * (x - norm.mean) / np.sqrt(norm.variance + norm.epsilon) + norm.bias
        np.testing.assert_allclose(affine.a * v + affine.b, y, rtol=1e-12, atol=1e-12)


ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  affine a=[[0.166666667,-0.166666667],[0.166666667,-0.0833333333]] b=[[0.25,0.5],[-0.5,1.125]]
  residual_sign gammas=(0.5)/(0.75,0.25) fraction_bits=0/2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  affine a=[[0.999995,0.4999975],[0.4999975,-0.24999875]] b=[[0,1],[0.5,1]]
"""


def test_norms_and_units_of_every_level_count():
    network = assign_gains(tiny_any())
    assert to_text(network) == ANY_BEFORE
    assert to_text(fold_batchnorm(network)) == ANY_AFTER


def test_units_alone_give_slopes_of_their_own():
    """BatchNorm for all m, factors of their own: the slope per unit of v differs, the offset does not."""
    first, hidden, sign, second, last = tiny_any().ops
    network = assign_gains(tiny().with_ops((first, hidden, sign, second, last.at(2))))
    affine = fold_batchnorm(network).ops[-1]
    assert affine.a[0].tolist() == (2 * affine.a[1]).tolist()  # units 0.5 and 0.25
    assert affine.b[0].tolist() == affine.b[1].tolist() == [0.5, 1]
