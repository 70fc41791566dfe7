"""All passes together."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import alone, exported, from_text, images_for, random_images, tiny, tiny_conv, with_own_sets
from tests.lower.test_pool_codes import BEFORE
from tests.lower.test_scores import AFTER

from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.errors import LoweringError, VerifyError
from rebnet.ir.ops import Dense, Scores, Threshold, same
from rebnet.ir.text import to_text
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.lower.assign_gains import assign_gains
from rebnet.spec.residual import encode_integer
from rebnet.spec.scores import SCALE_BITS, labels


def test_before_and_after():
    assert to_text(lower(tiny())) == AFTER


CONVOLUTION = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 3x3x1 bits=2
  conv layer1 2x4 window=2x2 weights=+-++|++-+ scale=0.5 folding=(2,4) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[8,0],[8,0]] steps=[[[0],[0]],[[2],[4]]]
  max_pool window=2x2/2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  scores scale=[[32767,-16383],[32767,-16383]] bias=[[32767,65534],[32767,65534]]
"""


def test_a_convolution_before_and_after():
    assert to_text(tiny_conv()) == BEFORE
    assert to_text(lower(tiny_conv())) == CONVOLUTION


def differing(network, images, levels=None):
    """How many labels of integers and of real numbers differ, but for classes so near that 16 bits of scale decide."""
    real = run_real(network, images, levels, precision=np.float64)
    second, best = np.sort(real, axis=1)[:, -2:].T
    clear = best - second > np.abs(real).max(axis=1) / (1 << SCALE_BITS - 2)
    assert clear.mean() > 0.9
    return int((labels(run(lower(network), images, levels)) != np.argmax(real, axis=1))[clear].sum())


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_labels_of_convolutions_agree(levels):
    for seed, text in enumerate(
        ("12x12x3 - C16 - MP2 - C24:3x3+same - D32 - D10", "12x11x1 - C16:5x5/2+same - C24:2x2 - MP2/1 - D10")
    ):
        network = from_text(text, seed, levels)
        for m in range(1, levels + 1):
            assert differing(network, images_for(network, seed, 250), m) == 0


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_labels_of_integers_and_of_real_numbers_agree(levels):
    image = (8, 8, 1)
    for seed in (1, 2, 3):
        network = exported(seed, levels, image=image, hidden=(64, 48), classes=10)
        for m in range(1, levels + 1):
            assert differing(network, random_images(seed + 100, 500, image), m) == 0


@pytest.mark.parametrize(("bits", "levels"), [(1, 1), (4, 1), (6, 3), (1, 2), (1, 3), (1, 4), (2, 2)])
def test_labels_agree_at_other_input_depths(bits, levels):
    """One bit makes A as coarse as it gets: in whole accumulators, steps would miss codes."""
    image = (28, 28, 1)
    network = exported(4, levels, bits=bits, image=image, hidden=(64, 64), classes=10)
    for m in range(1, levels + 1):
        assert differing(network, random_images(9, 500, image), m) == 0


def test_labels_of_more_levels_than_the_paper_has_agree():
    network = exported(6, 6, image=(8, 8, 1), hidden=(32, 32), classes=10)
    assert differing(network, random_images(6, 500, (8, 8, 1))) == 0


def test_channels_without_slope():
    image = (28, 28, 1)
    network = exported(4, 3, image=image, hidden=(64, 32), classes=10, dead=0.3)
    assert differing(network, random_images(9, 500, image)) == 0


def test_fixed_levels_compute_the_same_scores():
    network, images = exported(levels=3), random_images(1, 50)
    assert np.array_equal(run(lower(network, fixed_levels=True), images), run(lower(network), images, 3))


def test_wider_thresholds_change_nothing_but_the_scores_resolution():
    network, images = exported(levels=3), random_images(1, 50)
    narrow, wide = lower(network, threshold_bits=20), lower(network, threshold_bits=28)
    assert (narrow.threshold_bits, wide.threshold_bits) == (20, 28)
    assert to_text(narrow).splitlines()[1:-1] == to_text(wide).splitlines()[1:-1]
    assert np.array_equal(labels(run(narrow, images)), labels(run(wide, images)))


def test_the_result_is_verified():
    network = lower(exported(levels=3))
    assert verify(network) is network


def test_an_accumulator_that_leaves_the_thresholds_width():
    with pytest.raises(VerifyError) as refusal:
        lower(tiny(), threshold_bits=5)
    assert str(refusal.value) == (
        "tiny, operation 1, Dense layer1: max(2, M)·(R + 2) with R=6 leaves 5 bits; "
        "use fewer input bits or gain bits, or more threshold bits"
    )


def test_a_network_that_breaks_a_rule():
    with pytest.raises(VerifyError, match=r"^tiny: no operations; a network has at least one dense layer$"):
        lower(replace(tiny(), nodes=()))


def test_a_network_that_is_lowered_already():
    with pytest.raises(LoweringError) as refusal:
        lower(lower(tiny()))
    assert str(refusal.value) == "network tiny holds Threshold: it is lowered already; lower the exported network"


def test_gains_may_be_assigned_already():
    assert lower(assign_gains(tiny())) == lower(tiny())


def same_codes(threshold, index, other, m, reach):
    """Whether set `index` of a threshold gives the m planes that the only set of another does, for every row and A."""
    everything = np.arange(reach + 1)[:, None]
    mine = encode_integer(everything, threshold.thresholds[index], threshold.steps[index], threshold.shift)[:m]
    return np.array_equal(mine, encode_integer(everything, other.thresholds[0], other.steps[0], other.shift))


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_an_any_level_network_is_one_network_per_level_count(levels):
    """Its constants for m are those of the network of m levels that it is at m; the weights are the same for all."""
    for seed in range(4):
        text = "5x4x2 - C6:3x3+same - MP2 - C5:2x2 - D7 - D3"
        whole = with_own_sets(from_text(text, seed, levels, dead=0.2), seed)
        images, integer = images_for(whole, seed, 20), lower(whole)
        assert integer.served == tuple(range(1, levels + 1))
        for m in integer.served:
            single = alone(whole, m)
            lowered = lower(single, fixed_levels=True)
            for ours, theirs in zip(integer.ops, lowered.ops, strict=True):
                match ours:
                    case Dense():
                        assert same(ours.weights, theirs.weights)
                        assert ours.gains[m - 1][: len(theirs.gains[0])] == theirs.gains[0]
                        reach = theirs.reaches[0]
                    case Threshold():
                        assert same_codes(ours, m - 1, theirs, m, reach)
                        assert not ours.steps[m - 1, :, m - 1 :].any()
                    case Scores():
                        assert np.array_equal(ours.scale[m - 1], theirs.scale[0])
                        assert np.array_equal(ours.bias[m - 1], theirs.bias[0])
            assert np.array_equal(run(integer, images, m), run(lowered, images))
            assert np.array_equal(run_real(whole, images, m), run_real(single, images))


def test_fixed_levels_of_an_any_level_network():
    network, images = with_own_sets(exported(levels=3)), random_images(1, 50)
    fixed = lower(network, fixed_levels=True)
    assert fixed == lower(alone(network, 3), fixed_levels=True)
    assert np.array_equal(run(fixed, images), run(lower(network), images, 3))
