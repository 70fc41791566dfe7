"""BatchNorm and residual sign as a threshold and steps: the law's claims, by brute force over every A in 0 … R."""

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.spec.rational import real_code

from rebnet.errors import LoweringError
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.residual import code, encode_integer, levels_of, steps_of
from rebnet.spec.threshold import MOST_SHIFT, RealEncoder, boundaries, constant_code, fit, fits, segments, step_tree

SLOPE = st.floats(1e-4, 10)
OFFSET = st.floats(-200, 200)
ANY_SLOPE = st.floats(1e-300, 1e300) | st.floats(1e-12, 1e3)
ANY_OFFSET = st.floats(-1e300, 1e300) | st.floats(-1e6, 1e6)
GAMMAS = st.lists(st.floats(0.01, 50), min_size=1, max_size=8)


def codes(threshold, steps, reach, shift=0, tree=False):
    """The code of every A in 0 … R, with numbers of any size."""
    row = np.asarray(steps, dtype=object).reshape(1, -1)
    everything = np.arange(reach + 1).astype(object)[:, None]
    bits = encode_integer(everything, np.asarray([threshold], dtype=object), row, shift, tree=tree)
    return code(bits)[:, 0].tolist()


@settings(max_examples=400)
@given(SLOPE | ANY_SLOPE, OFFSET | ANY_OFFSET, st.integers(1, 60))
def test_one_level_equals_the_formula_everywhere(a, b, reach):
    threshold, steps = RealEncoder.of(a, b, (1.0,), reach).integers(0)
    assert steps == ()
    for accumulator in range(reach + 1):
        z = Fraction(a) * (2 * accumulator - reach) + Fraction(b)
        assert (accumulator >= threshold) == (z >= 0)


@pytest.mark.parametrize("reach", [4, 5])
def test_ties_are_plus_one(reach):
    for accumulator in range(reach + 1):
        b = -0.5 * (2 * accumulator - reach)  # z is exactly 0 here
        assert RealEncoder.of(0.5, b, (1.0,), reach).integers(0) == (accumulator, ())


@settings(max_examples=300)
@given(
    SLOPE | ANY_SLOPE, OFFSET | ANY_OFFSET, st.lists(st.floats(0.01, 50), min_size=1, max_size=3), st.integers(1, 60)
)
def test_a_grid_of_m_minus_1_bits_gives_every_code_of_up_to_three_levels(a, b, gammas, reach):
    encoder = RealEncoder.of(a, b, gammas, reach)
    shift = len(gammas) - 1
    found = codes(*encoder.integers(shift), reach, shift)
    assert found == [
        real_code(Fraction(a) * (2 * accumulator - reach) + Fraction(b), gammas) for accumulator in range(reach + 1)
    ]


@settings(max_examples=100)
@given(SLOPE, OFFSET, st.lists(st.floats(0.01, 50), min_size=4, max_size=8), st.integers(1, 40))
def test_a_finer_grid_or_a_tree_gives_every_code_of_more_levels(a, b, gammas, reach):
    encoder = RealEncoder.of(a, b, gammas, reach)
    grids = ((s, exact) for s in range(MOST_SHIFT + 1) if (exact := encoder.integers(s)) is not None)
    shift, exact = next(grids, (0, None))
    tree = exact is None
    found = codes(*(exact or step_tree(boundaries(encoder.codes, len(gammas), reach))), reach, shift, tree=tree)
    assert found == [
        real_code(Fraction(a) * (2 * accumulator - reach) + Fraction(b), gammas) for accumulator in range(reach + 1)
    ]


def test_a_grid_that_is_too_coarse_by_hand():
    """Level 1 turns at 4, level 2 at 3 and at 4 again: no whole step moves one boundary and not the other."""
    encoder = RealEncoder.of(1.0, -0.5, (1.5, 1.0), reach=6)
    assert encoder.numbers == (Fraction(13, 4), Fraction(3, 4))
    assert encoder.codes == [(0, 0), (3, 1), (4, 3)]
    assert encoder.integers(0) is None
    assert encoder.integers(1) == (7, (1,))
    assert segments(7, (1,), 6, 2) == encoder.codes


def test_numbers_by_hand():
    assert RealEncoder.of(0.25, 1.0, (2.0, 1.0), reach=10).integers(0) == (3, (4,))
    assert segments(3, (4,), 10) == [(0, 1), (3, 2), (7, 3)]


@given(st.integers(-90, 90), st.lists(st.integers(0, 90), max_size=7), st.integers(1, 60))
def test_segments_equal_brute_force(threshold, steps, reach):
    runs = segments(threshold, tuple(steps), reach)
    assert runs[0][0] == 0
    assert all(left[1] < right[1] for left, right in pairwise(runs))  # codes rise with A
    ends = [start for start, _ in runs[1:]] + [reach + 1]
    spread = [number for (start, number), end in zip(runs, ends, strict=True) for _ in range(start, end)]
    assert spread == codes(threshold, steps, reach)


@pytest.mark.parametrize("reach", [1, 7])
@pytest.mark.parametrize("bits", [bits for levels in (1, 2, 3, 5) for bits in product((False, True), repeat=levels)])
def test_constant_codes(bits, reach):
    threshold, steps = constant_code(bits, reach)
    assert threshold in (-1, reach + 1)
    assert set(steps) <= {0, reach + 2}
    assert set(codes(threshold, steps, reach)) == {int("".join(str(int(bit)) for bit in bits), 2)}
    assert fits(threshold, steps, reach, (2 * reach + 8).bit_length() + 1)


def residuals(threshold, steps, reach):
    """Every number that the encoder holds on its way."""
    current = {accumulator - threshold for accumulator in range(reach + 1)}
    found = set(current)
    for step in steps:
        current = {r - step if r >= 0 else r + step for r in current}
        found |= current
    return found


@settings(max_examples=400)
@given(st.integers(-70, 70), st.lists(st.integers(0, 70), max_size=5), st.integers(1, 30), st.integers(4, 8))
def test_fits_means_that_every_number_on_the_way_fits(threshold, steps, reach, threshold_bits):
    limit = 1 << (threshold_bits - 1)
    numbers = residuals(threshold, steps, reach) | {threshold, *steps}
    assert fits(threshold, tuple(steps), reach, threshold_bits) == all(-limit <= n < limit for n in numbers)


def least_bits(reach, levels):
    """The smallest T that the law allows."""
    return next(bits for bits in range(2, 40) if fits_accumulator(reach, 1, levels, bits))


def check_fit(threshold, steps, reach, threshold_bits):
    small = fit(threshold, steps, reach, threshold_bits)
    limit = 1 << (threshold_bits - 1)
    assert codes(*small, reach) == codes(threshold, steps, reach)
    numbers = residuals(*small, reach) | {small[0], *small[1]}
    assert all(-limit <= number < limit for number in numbers)
    if fits(threshold, steps, reach, threshold_bits):
        assert small == (threshold, steps)
    return small


@settings(max_examples=400)
@given(ANY_SLOPE, ANY_OFFSET, GAMMAS, st.integers(1, 50))
def test_channels_of_any_scale_fit_the_smallest_width_of_the_law(a, b, gammas, reach):
    threshold, *steps = (math.floor(number + Fraction(1, 2)) for number in RealEncoder.of(a, b, gammas, reach).numbers)
    check_fit(threshold, tuple(steps), reach, least_bits(reach, len(gammas)))


@settings(max_examples=400)
@given(st.data(), st.integers(1, 40), st.integers(1, 8))
def test_any_threshold_and_any_steps_fit(data, reach, levels):
    """Adversarial: thresholds within reach, and huge steps that cancel nearly or exactly."""
    near = st.integers(-reach, 2 * reach)
    far = st.builds(lambda k, d: max(0, k * 10**9 + d), st.integers(0, 3), near)
    threshold = data.draw(near | st.integers(-(10**10), 10**10))
    steps = data.draw(st.lists(near.filter(lambda n: n >= 0) | far, min_size=levels - 1, max_size=levels - 1))
    check_fit(threshold, tuple(steps), reach, least_bits(reach, levels))


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(1, 20))
def test_a_constant_channel_is_fitted_to_the_law_s_constant_code(bits, reach):
    huge = 10**12
    steps = tuple(huge if before != after else 0 for before, after in pairwise(bits))
    threshold = -(huge // 2) if bits[0] else huge // 2
    assert fit(threshold, steps, reach, 16) == constant_code(bits, reach)


def test_clipping_each_number_by_itself_would_be_wrong():
    threshold, steps = 5, (10**9, 10**9 - 3)
    clipped = (5, (2**23 - 1, 2**23 - 1))
    assert codes(*clipped, 10) != codes(threshold, steps, 10)
    assert fit(threshold, steps, 10, 24) == (5, (6, 3))


def test_the_refusal_is_a_whole_sentence():
    with pytest.raises(LoweringError) as refusal:
        fit(40, (3,), 100, 6)
    assert str(refusal.value) == (
        "threshold 40 with steps (3,) has no exact form in 6 bits for an accumulator of 0 to 100; "
        "allow more threshold bits"
    )


@settings(max_examples=300)
@given(st.integers(1, 5), st.integers(0, 80), st.data())
def test_a_tree_of_steps_gives_any_codes_that_rise(levels, reach, data):
    count = (1 << levels) - 1
    wanted = sorted(data.draw(st.lists(st.integers(0, reach + 1), min_size=count, max_size=count)))
    threshold, steps = step_tree(wanted)
    assert len(steps) == steps_of(levels, True)
    assert levels_of(len(steps), True) == levels
    assert all(0 <= step <= reach + 1 for step in steps)
    row = np.asarray(steps).reshape(1, -1)
    everything = np.arange(reach + 1)[:, None]
    found = code(encode_integer(everything, np.asarray([threshold]), row, tree=True))[:, 0].tolist()
    assert found == [sum(boundary <= a for boundary in wanted) for a in range(reach + 1)]


@settings(max_examples=300)
@given(SLOPE, OFFSET, GAMMAS, st.integers(0, 60))
def test_a_tree_gives_the_real_code_everywhere(a, b, gammas, reach):
    real = RealEncoder.of(a, b, gammas, reach)
    threshold, steps = step_tree(boundaries(real.codes, len(gammas), reach))
    row = np.asarray(steps, dtype=np.int64).reshape(1, -1)
    everything = np.arange(reach + 1)[:, None]
    found = code(encode_integer(everything, np.asarray([threshold]), row, tree=True))[:, 0].tolist()
    assert found == [real_code(Fraction(a) * (2 * n - reach) + Fraction(b), gammas) for n in range(reach + 1)]
