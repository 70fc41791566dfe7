"""Pass: affine and residual sign become thresholds and steps."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from tests.ir.networks import exported, tiny, tiny_any
from tests.lower.test_orient_rows import AFTER as BEFORE
from tests.lower.test_orient_rows import ANY_AFTER as ANY_BEFORE
from tests.lower.test_orient_rows import affine_network
from tests.spec.rational import boundaries, margin, real_code

from rebnet.errors import LoweringError
from rebnet.ir.ops import Affine, Threshold
from rebnet.ir.text import to_text
from rebnet.lower.orient_rows import orient_rows
from rebnet.lower.thresholds import thresholds
from rebnet.spec.pixels import pixel_planes
from rebnet.spec.residual import code, encode, encode_integer
from rebnet.spec.xnor import accumulate

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[5,-3],[5,-3]] steps=[[[0],[0]],[[2],[5]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  affine a=[0.4999975,-0.24999875] b=[0.5,1]
"""


def test_before_and_after():
    network = orient_rows(affine_network(tiny()))
    assert to_text(network) == BEFORE
    assert to_text(thresholds(network)) == AFTER


def signed(dense, planes, index):
    return 2 * accumulate(planes, dense.weights.bits, dense.gains[index]) - dense.reaches[index]


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_codes_are_the_law_s_for_every_image(seed, levels):
    """Every image of 1x1x3 pixels of 2 bits, each served m, slopes of both signs: codes against rational numbers."""
    network = affine_network(exported(seed, levels, bits=2, image=(1, 1, 3), hidden=(12,), classes=2, dead=0.2))
    integer = thresholds(orient_rows(network))
    assert isinstance(integer.ops[1], Threshold)
    images = np.asarray(list(product((0, 64, 128, 192), repeat=3)), dtype=np.uint8)
    planes = pixel_planes(images, 2)
    dense, affine, sign = network.ops[:3]
    compared = 0
    for index, m in enumerate(network.served):
        flipped = integer.ops[0]
        accumulator = accumulate(planes, flipped.weights.bits, flipped.gains[index])
        found = encode_integer(accumulator, integer.ops[1].thresholds[index], integer.ops[1].steps[index])[:m]
        edges = boundaries(sign.gammas[:m])
        for (image, row), v in np.ndenumerate(signed(dense, planes, index)):
            a, b = affine.a[row], affine.b[row]
            z = Fraction(a) * int(v) + Fraction(b)
            if a == 0 or all(abs(z - edge) > margin(a, m) for edge in edges):
                compared += 1
                assert code(found[:, image, row]) == real_code(z, sign.gammas[:m])
    assert compared >= 64 * 12  # all of m = 1 at least


def with_hidden_affine(a, b, levels=2, **changes):
    network = replace(orient_rows(affine_network(tiny(levels))), **changes)
    affine = Affine(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return network.with_ops((network.ops[0], affine, *network.ops[2:]))


@pytest.mark.parametrize("b", [-5.0, -0.6, -0.1, -0.0, 0.0, 0.1, 0.6, 5.0])
def test_a_channel_without_slope_has_a_constant_code(b):
    network = with_hidden_affine([0.0, 1.0], [b, 0.0])
    result = thresholds(network).ops[1]
    everything = np.arange(7)[:, None]  # R = 6
    found = encode_integer(everything, result.thresholds[1, :1], result.steps[1, :1])
    expected = code(encode(np.asarray(b), network.ops[2].gammas))
    assert set(code(found).ravel().tolist()) == {int(expected)}
    assert result.thresholds[1, 0] in (-1, 7)
    assert result.steps[1, 0, 0] in (0, 8)


@pytest.mark.parametrize("a", [1e-300, 5e-324, 1e-9])
@pytest.mark.parametrize("b", [-1e300, -0.74, -1e-9, 0.0, 0.76, 1e300])
def test_a_tiny_slope_still_fits(a, b):
    network = with_hidden_affine([a, 1.0], [b, 0.0])
    result = thresholds(network).ops[1]
    for accumulator in range(7):
        z = Fraction(a) * (2 * accumulator - 6) + Fraction(b)
        bits = encode_integer(np.asarray([accumulator]), result.thresholds[1, :1], result.steps[1, :1])
        assert code(bits)[0] == real_code(z, (0.75, 0.25))


def test_a_channel_that_does_not_fit_is_named():
    with pytest.raises(LoweringError) as refusal:
        thresholds(with_hidden_affine([1.0, 1.0], [0.0, -7.0], threshold_bits=3))
    assert str(refusal.value) == (
        "layer layer1, channel 1, at 1 levels: threshold 7 with steps () has no exact form in 3 bits "
        "for an accumulator of 0 to 6; allow more threshold bits (--threshold-bits)"
    )


ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[3,2],[5,-3]] steps=[[[0],[0]],[[2],[5]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  affine a=[[0.999995,0.4999975],[0.4999975,-0.24999875]] b=[[0,1],[0.5,1]]
"""


def test_thresholds_of_every_level_count():
    network = orient_rows(affine_network(tiny_any()))
    assert to_text(network) == ANY_BEFORE
    assert to_text(thresholds(network)) == ANY_AFTER
