"""Random exported networks and images for the tests of ir, lower and engine."""

import numpy as np

from rebnet.engine.real import run_real
from rebnet.ir.notation import ConvText, Folding, PoolText, parse
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, Network, Op, PixelInput, ResidualSign
from rebnet.ir.verify import verify
from rebnet.spec.gains import choose_gains
from rebnet.spec.window import Window


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


def from_text(text, seed=0, levels=2, bits=8, dead=0.0, pool_behind=False):
    """An exported network of the text's shape with random weights and BatchNorms of about the right statistics.

    `dead` is the share of channels whose BatchNorm weight is 0; pools stand before the residual sign, or behind it.
    """
    rng = np.random.default_rng(seed)
    architecture = parse(text)
    layers = architecture.layers
    ops: list[Op] = []
    power = 1 / 3  # mean square of an input: pixels fill [-1, 1]
    for index, layer in enumerate(layers):
        if isinstance(layer, PoolText):
            continue
        columns, rows = architecture.inputs_of(index), layer.rows
        weights = BitMatrix.pack(rng.random((rows, columns)) < 0.5)
        name, scale = f"layer{len([op for op in ops if isinstance(op, Dense)]) + 1}", float(rng.uniform(0.01, 1))
        if isinstance(layer, ConvText):
            ops.append(Conv(name, weights, scale, layer.folding, window=layer.window))
        else:
            ops.append(Dense(name, weights, scale, layer.folding))
        weight = rng.uniform(0.5, 1.5, rows) * rng.choice([-1, 1], rows) * (rng.random(rows) >= dead)
        deviation = scale * np.sqrt(columns * power)
        variance = rng.uniform(0.7, 1.3, rows) * deviation**2
        ops.append(BatchNorm(rng.normal(0, 0.3 * deviation, rows), variance, weight, rng.normal(0, 0.3, rows), 1e-5))
        if index + 1 == len(layers):
            break
        following = layers[index + 1]
        after: list[Op] = [_residual_sign(rng, levels, architecture.inputs_of(index + 1))]
        power = sum(gamma**2 for gamma in after[0].gammas)
        if isinstance(following, PoolText):
            after.insert(1 if pool_behind else 0, MaxPool(following.window))
        ops.extend(after)
    image = PixelInput(architecture.height, architecture.width, architecture.channels, bits)
    return verify(Network("random", levels, image, tuple(ops)))


def images_for(network, seed, count):
    """Random images of the network's input shape."""
    image = network.input
    return random_images(seed, count, (image.height, image.width, image.channels))


def random_text(rng, channels=(1, 2, 5, 9), most=12):
    """A random text of up to three convolutions, some padded, some pooled, and one or two dense layers."""
    height, width = (int(size) for size in rng.integers(1, most, 2))
    tokens = [f"{height}x{width}x{rng.choice([1, 2, 3])}"]
    for _ in range(rng.integers(0, 4)):
        window = Window(int(rng.integers(1, 6)), int(rng.integers(1, 4)), bool(rng.integers(2)))
        if not window.same and window.kernel > min(height, width):
            continue
        tokens.append(f"C{rng.choice(channels)}:{window}")
        height, width = window.output(height, width)
        pool = Window(int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        if rng.integers(2) and pool.kernel <= min(height, width):
            tokens.append(f"MP{pool.kernel}/{pool.stride}")
            height, width = pool.output(height, width)
    tokens.extend(f"D{rng.choice(channels)}" for _ in range(rng.integers(0, 2)))
    return " - ".join([*tokens, f"D{rng.integers(1, 6)}"])


def tiny_conv(levels=2):
    """A convolution small enough to print in full: 3x3 pixels, 2x2 windows, a pool, slopes of both signs."""
    weights = BitMatrix.pack(np.asarray([[True, False, True, True], [False, False, True, False]]))
    first = Conv("layer1", weights, 0.5, Folding(2, 4), window=Window(2, 1))
    hidden = BatchNorm(
        np.asarray([0.5, 0.25]), np.asarray([3.0, 0.0]), np.asarray([2.0, -0.5]), np.asarray([0.0, 1.0]), 1.0
    )
    sign = ResidualSign({1: (0.75,), 2: (0.75, 0.25)}[levels], 0 if levels == 1 else 2)
    second = Dense("layer2", BitMatrix.pack(np.asarray([[False, True], [True, True]])), 1.0)
    last = BatchNorm(np.zeros(2), np.ones(2), np.asarray([2.0, -1.0]), np.asarray([0.5, 1.0]), 1e-5)
    ops = (first, hidden, MaxPool(Window(2, 2)), sign, second, last)
    return verify(Network("tiny", levels, PixelInput(3, 3, 1, 2), ops))
