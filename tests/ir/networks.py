"""Random exported networks and images for the tests of ir, lower and engine."""

import numpy as np

from rebnet.engine.real import run_real
from rebnet.ir.notation import Folding
from rebnet.ir.ops import BatchNorm, BitMatrix, Dense, Network, Op, PixelInput, ResidualSign
from rebnet.ir.verify import verify
from rebnet.spec.gains import choose_gains


def random_images(seed, count, image=(2, 3, 1)):
    return np.random.default_rng(seed).integers(0, 256, (count, *image), dtype=np.uint8)


def exported(seed=0, levels=2, bits=8, image=(2, 3, 1), hidden=(6, 5), classes=4, dead=0.0, folding=None):
    """An exported network with random weights, BatchNorms that fit random images, and slopes of both signs.

    `dead` is the share of channels whose BatchNorm weight is 0.
    """
    rng = np.random.default_rng(seed)
    rows = (*hidden, classes)
    ops: list[Op] = []
    columns = int(np.prod(image))
    for index, outputs in enumerate(rows):
        weights = BitMatrix.pack(rng.random((outputs, columns)) < 0.5)
        ops.append(Dense(f"layer{index + 1}", weights, float(rng.uniform(0.01, 1)), folding))
        partial = Network("partial", levels, PixelInput(*image, bits), (*ops, _identity(outputs)))
        ops.append(_batchnorm(rng, run_real(partial, random_images(seed, 300, image)), dead))
        if index < len(hidden):
            ops.append(_residual_sign(rng, levels, rows[index]))
        columns = outputs
    return verify(Network("random", levels, PixelInput(*image, bits), tuple(ops)))


def _identity(rows):
    zero, one = np.zeros(rows), np.ones(rows)
    return BatchNorm(zero, one, one, zero, 1e-12)


def _batchnorm(rng, outputs, dead):
    rows = outputs.shape[1]
    weight = rng.uniform(0.5, 1.5, rows) * rng.choice([-1, 1], rows) * (rng.random(rows) >= dead)
    mean, variance = outputs.mean(axis=0).astype(np.float64), outputs.var(axis=0).astype(np.float64)
    return BatchNorm(mean, variance, weight, rng.normal(0, 0.3, rows), 1e-5)


def _residual_sign(rng, levels, inputs):
    gammas = [2.0**-level * rng.uniform(1, 1.3) for level in range(levels)]
    if levels == 1:
        return ResidualSign(tuple(gammas), 0)
    gains, fraction_bits = choose_gains(gammas, inputs, levels)
    return ResidualSign(tuple(gain / 2.0**fraction_bits for gain in gains), fraction_bits)


def tiny(levels=2):
    """A network small enough to print in full, with pixels of 2 bits and slopes of both signs."""
    first = Dense("layer1", BitMatrix.pack(np.asarray([[True, True], [True, False]])), 0.5, Folding(2, 1))
    hidden = BatchNorm(
        np.asarray([0.5, 0.25]), np.asarray([3.0, 0.0]), np.asarray([2.0, -0.5]), np.asarray([0.0, 1.0]), 1.0
    )
    sign = ResidualSign({1: (0.75,), 2: (0.75, 0.25)}[levels], 0 if levels == 1 else 2)
    second = Dense("layer2", BitMatrix.pack(np.asarray([[False, True], [True, True]])), 1.0)
    last = BatchNorm(np.zeros(2), np.ones(2), np.asarray([2.0, -1.0]), np.asarray([0.5, 1.0]), 1e-5)
    return verify(Network("tiny", levels, PixelInput(1, 1, 2, 2), (first, hidden, sign, second, last)))
