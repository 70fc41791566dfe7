"""Pass: BatchNorm becomes a·v + b."""

import numpy as np
from tests.ir.networks import exported, tiny
from tests.lower.test_assign_gains import AFTER as BEFORE

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
        x = v * dense.unit * dense.scale
        y = norm.weight * (x - norm.mean) / np.sqrt(norm.variance + norm.epsilon) + norm.bias
        np.testing.assert_allclose(affine.a * v + affine.b, y, rtol=1e-12, atol=1e-12)
