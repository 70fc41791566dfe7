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
from tests.spec.rational import real_code

from rebnet.errors import LoweringError
from rebnet.ir.ops import Affine, Threshold
from rebnet.ir.text import to_text
from rebnet.lower.orient_rows import orient_rows
from rebnet.lower.thresholds import thresholds
from rebnet.spec.pixels import pixel_planes
from rebnet.spec.residual import code, encode, encode_integer
from rebnet.spec.threshold import RealEncoder, segments
from rebnet.spec.xnor import accumulate

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[5,-3],[5,-3]] steps=[[[0],[0]],[[2],[4]]]
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
    encoder = integer.ops[1]
    assert isinstance(encoder, Threshold)
    images = np.asarray(list(product((0, 64, 128, 192), repeat=3)), dtype=np.uint8)
    planes = pixel_planes(images, 2)
    dense, affine, sign = network.ops[:3]
    for index, m in enumerate(network.served):
        flipped = integer.ops[0]
        accumulator = accumulate(planes, flipped.weights.bits, flipped.gains[index])
        found = encode_integer(accumulator, encoder.thresholds[index], encoder.steps[index], encoder.shift)[:m]
        for (image, row), v in np.ndenumerate(signed(dense, planes, index)):
            z = Fraction(affine.a[row]) * int(v) + Fraction(affine.b[row])
            assert code(found[:, image, row]) == real_code(z, sign.gammas[:m])


def with_hidden_affine(a, b, levels=2, **changes):
    network = replace(orient_rows(affine_network(tiny(levels))), **changes)
    affine = Affine(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return network.with_ops((network.ops[0], affine, *network.ops[2:]))


@pytest.mark.parametrize("b", [-5.0, -0.6, -0.1, -0.0, 0.0, 0.1, 0.6, 5.0])
def test_a_channel_without_slope_has_a_constant_code(b):
    network = with_hidden_affine([0.0, 1.0], [b, 0.0])
    result = thresholds(network).ops[1]
    everything = np.arange(7)[:, None]  # R = 6
    found = encode_integer(everything, result.thresholds[1, :1], result.steps[1, :1], result.shift)
    expected = code(encode(np.asarray(b), network.ops[2].gammas))
    assert set(code(found).ravel().tolist()) == {int(expected)}
    reach = 6 << result.shift
    assert result.thresholds[1, 0] in (-1, reach + 1)
    assert result.steps[1, 0, 0] in (0, reach + 2)


@pytest.mark.parametrize("a", [1e-300, 5e-324, 1e-9])
@pytest.mark.parametrize("b", [-1e300, -0.74, -1e-9, 0.0, 0.76, 1e300])
def test_a_tiny_slope_still_fits(a, b):
    network = with_hidden_affine([a, 1.0], [b, 0.0])
    result = thresholds(network).ops[1]
    for accumulator in range(7):
        z = Fraction(a) * (2 * accumulator - 6) + Fraction(b)
        row = (result.thresholds[1, :1], result.steps[1, :1], result.shift)
        bits = encode_integer(np.asarray([accumulator]), *row)
        assert code(bits)[0] == real_code(z, (0.75, 0.25))


def test_a_channel_that_does_not_fit_is_named():
    with pytest.raises(LoweringError) as refusal:
        thresholds(with_hidden_affine([1.0, 1.0], [0.0, -7.0], threshold_bits=3))
    assert str(refusal.value) == (
        "layer layer1, channel 1, at 2 levels, in units of 2^-1: threshold 13 with steps (0,) has no exact form in 4 "
        "bits for an accumulator of 0 to 12; allow more threshold bits (--threshold-bits)"
    )


ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[3,2],[5,-3]] steps=[[[0],[0]],[[2],[4]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  affine a=[[0.999995,0.4999975],[0.4999975,-0.24999875]] b=[[0,1],[0.5,1]]
"""


def test_thresholds_of_every_level_count():
    network = orient_rows(affine_network(tiny_any()))
    assert to_text(network) == ANY_BEFORE
    assert to_text(thresholds(network)) == ANY_AFTER


def test_units_are_as_fine_as_the_codes_of_a_row_need():
    """tests/spec works out by hand that whole accumulators are too coarse for γ = (1.5, 1) and b = -0.5."""
    network = with_hidden_affine([1.0, 1.0], [0.0, -0.5])
    sign = replace(network.ops[2], gammas=(1.5, 1.0))
    assert thresholds(network.with_ops((*network.ops[:2], sign, *network.ops[3:]))).ops[1].shift == 1


@pytest.mark.parametrize("levels", [2, 3])
def test_fewer_levels_share_the_numbers_of_more_where_the_accumulators_are_the_same(levels):
    """So are those of pixels, in a network trained for M alone; behind codes each m counts other gains."""
    shared = thresholds(orient_rows(affine_network(exported(3, levels)))).ops[1]
    assert (shared.thresholds == shared.thresholds[-1]).all()
    for index in range(levels):
        assert np.array_equal(shared.steps[index, :, :index], shared.steps[-1, :, :index])


@pytest.mark.parametrize("levels", [4, 6, 8])
def test_many_levels_end_soon(levels):
    network = orient_rows(affine_network(exported(levels, levels, image=(4, 4, 1), hidden=(32,), classes=2)))
    encoder, affine, sign = thresholds(network).ops[1], *network.ops[1:3]
    dense = network.ops[0]
    for row in range(32):
        steps, reach = tuple(map(int, encoder.steps[-1, row])), dense.reaches[-1]
        wanted = RealEncoder.of(affine.a[row], affine.b[row], sign.gammas, reach).codes
        assert segments(int(encoder.thresholds[-1, row]), steps, reach, 1 << encoder.shift) == wanted
