"""Pass: max-pools compare codes."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import from_text, images_for, tiny, tiny_conv

from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.ir.features import DepthToSpace, Upsample
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, MultiThreshold, PixelInput, ResidualSign
from rebnet.ir.text import to_text
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.lower.pool_codes import pool_codes
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window

BEFORE = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 3x3x1 bits=2
  conv layer1 2x4 window=2x2 weights=+-++|--+- scale=0.5 folding=(2,4)
  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1
  max_pool window=2x2/2
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  dense layer2 2x2 weights=-+|++ scale=1
  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05
"""

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 3x3x1 bits=2
  conv layer1 2x4 window=2x2 weights=+-++|--+- scale=0.5 folding=(2,4)
  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  max_pool window=2x2/2
  dense layer2 2x2 weights=-+|++ scale=1
  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05
"""


def test_before_and_after():
    assert to_text(tiny_conv()) == BEFORE
    assert to_text(pool_codes(tiny_conv())) == AFTER


def test_a_pool_that_compares_codes_already_stays():
    once = pool_codes(tiny_conv())
    assert pool_codes(once) == once


def test_a_network_without_pools_stays():
    assert pool_codes(tiny()) == tiny()


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_real_network_means_the_same(levels):
    """Codes are ordered, and with super-increasing factors their values are too."""
    network = from_text("9x8x2 - C5 - MP2 - C7:2x2+same - MP3/1 - D6 - D4", 3, levels)
    images = images_for(network, 1, 60)
    for m in range(1, levels + 1):
        assert np.array_equal(run_real(network, images, m), run_real(verify(pool_codes(network)), images, m))


def test_both_places_lower_to_the_same_network():
    text = "9x8x2 - C5 - MP2 - C7:2x2+same - MP3/1 - D6 - D4"
    assert lower(from_text(text)) == lower(from_text(text, pool_behind=True))


def test_a_pool_before_batchnorm_lowers_to_the_same_network():
    """Which it may where no weight is negative."""
    network = from_text("9x8x2 - C5 - MP2 - C7:2x2+same - MP3/1 - D6 - D4")
    ops = [replace(op, weight=np.abs(op.weight)) if isinstance(op, BatchNorm) else op for op in network.ops]
    for position in [index for index, op in enumerate(ops) if isinstance(op, MaxPool)]:
        ops[position - 1 : position + 1] = ops[position], ops[position - 1]
    first = verify(network.with_ops(tuple(ops)))
    assert [type(op) for op in first.ops[:4]] == [Conv, MaxPool, BatchNorm, ResidualSign]
    second = pool_codes(first)
    assert [type(op) for op in second.ops[:4]] == [Conv, BatchNorm, ResidualSign, MaxPool]
    images = images_for(network, 1, 60)
    assert np.array_equal(run_real(first, images), run_real(verify(second), images))


def moved(levels, pooled=True, own=False):
    """Channels of a convolution as blocks of places, twice, around what else moves a map; then BatchNorm and sign."""
    rng = np.random.default_rng(levels)
    first = Conv(BitMatrix.pack(rng.random((32, 4)) < 0.5), 0.5, window=Window(2, 1))
    pools = [MaxPool(Window(2, 1))] if pooled else []
    between = [first, *pools, DepthToSpace(2), Upsample(Factors(1, 2)), DepthToSpace(2)]
    norm = BatchNorm(*rng.normal(0, 0.3, (1, 2)), np.full(2, 2.0), np.array([0.5, 1.5]), rng.normal(0, 0.3, 2), 1e-5)
    gammas = tuple(0.5**level for level in range(1, levels + 1))
    sign = ResidualSign(gammas, levels)
    boundaries = np.sort(rng.normal(0, 1.5, (2, (1 << levels) - 1)))
    coded = [MultiThreshold(gammas, levels, boundaries=boundaries)] if own else [norm, sign]
    positions = (4 - pooled) ** 2 * 32
    last = Dense(BitMatrix.pack(rng.random((3, positions * 2)) < 0.5), 1.0)
    end = BatchNorm(np.zeros(3), np.ones(3), np.array([1.0, -0.5, 2.0]), rng.normal(0, 1, 3), 1e-5)
    served = (levels,) if own else tuple(range(1, levels + 1))
    chain = Network.chain("moved", levels, PixelInput(5, 5, 1, 4), [*between, *coded, last, end])
    return verify(replace(chain, served=served))


@pytest.mark.parametrize(
    ("levels", "pooled", "own"), [(1, True, False), (2, False, False), (3, True, False), (2, False, True)]
)
def test_numbers_of_channels_stand_in_front_of_what_parts_them(levels, pooled, own):
    """Each of 2 channels came of 16, which have its numbers in a row; what moves maps stands behind the sign."""
    network = moved(levels, pooled, own)
    codes = pool_codes(network)
    kinds = [type(op) for op in codes.ops]
    between = [*([MaxPool] if pooled else []), DepthToSpace, Upsample, DepthToSpace]
    assert kinds == [Conv, *([MultiThreshold] if own else [BatchNorm, ResidualSign]), *between, Dense, BatchNorm]
    numbers = codes.ops[1].boundaries[:, 0] if own else codes.ops[1].bias
    before = next(op for op in network.ops if isinstance(op, MultiThreshold if own else BatchNorm))
    assert np.array_equal(numbers, np.repeat(before.boundaries[:, 0] if own else before.bias, 16))
    assert pool_codes(codes) == codes
    images = images_for(network, 1, 40)
    for m in network.served:
        scores = run_real(network, images, m)
        assert np.array_equal(scores, run_real(codes, images, m))
        found = run(lower(network), images, m)
        assert np.array_equal(found.argmax(axis=1), scores.argmax(axis=1))
