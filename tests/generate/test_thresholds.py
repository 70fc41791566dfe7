"""Thresholds as the hardware keeps them: the same codes for every accumulator, in fewer bits and sets."""

import numpy as np
import pytest

from rebnet.ir.ops import Threshold
from rebnet.spec.residual import encode_integer
from rebnet.stages.thresholds import constants_of

T = 24


def draw(rng, equal):
    """Constants around and far from the accumulators, the level counts that are served, and their reaches."""
    levels, rows = int(rng.integers(1, 5)), 3
    served = tuple(range(1, levels + 1)) if rng.random() < 0.5 else (levels,)
    reaches = tuple(int(reach) for reach in rng.integers(1, 40, len(served)))
    shift = int(rng.integers(0, 3))
    thresholds = rng.integers(-80 << shift, 120 << shift, (len(served), rows))
    steps = rng.integers(0, 50 << shift, (len(served), rows, levels - 1))
    if equal:
        thresholds[:], steps[:] = thresholds[-1], steps[-1]
        for index, m in enumerate(served):
            steps[index, :, m - 1 :] = -7  # never read
    return Threshold(thresholds, steps, shift), served, reaches


@pytest.mark.parametrize("equal", [False, True])
def test_the_same_codes(equal):
    rng = np.random.default_rng(equal)
    for _ in range(300):
        op, served, reaches = draw(rng, equal)
        constants = constants_of(op, served, reaches, T)
        assert constants.sets == (1 if equal or len(served) == 1 else len(served))
        for index, (m, reach) in enumerate(zip(served, reaches, strict=True)):
            own = min(index, constants.sets - 1)
            kept, steps = constants.threshold.thresholds[own], constants.threshold.steps[own]
            accumulators = np.arange(reach + 1)[:, None] + np.zeros(kept.size, dtype=np.int64)
            wanted = encode_integer(accumulators, op.thresholds[index], op.steps[index], op.shift)[:m]
            assert np.array_equal(encode_integer(accumulators, kept, steps, constants.threshold.shift)[:m], wanted)
            assert fits(accumulators << op.shift, kept, steps, constants.bits)


def fits(accumulators, thresholds, steps, bits):
    """True if the constants and every residual hold in `bits` bits."""
    limit = 1 << (bits - 1)
    residual = accumulators - thresholds
    numbers = [thresholds, steps, residual]
    for level in range(steps.shape[-1]):
        residual = residual - np.where(residual >= 0, steps[:, level], -steps[:, level])
        numbers.append(residual)
    return all(((-limit <= n) & (n < limit)).all() for n in numbers)


def test_one_level_needs_a_bit_more_than_the_accumulator():
    op = Threshold(np.array([[-(1 << 20), 5, 1 << 20]]), np.zeros((1, 3, 0), dtype=np.int64))
    constants = constants_of(op, (1,), (100,), T)
    assert constants.threshold.thresholds.tolist() == [[0, 5, 101]]
    assert constants.bits == 8
