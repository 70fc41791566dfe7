"""Random exported networks and images for the tests of ir, lower and engine."""

from dataclasses import replace

import numpy as np
from tests.ir.graphs import draw_pads, draw_pair

from rebnet.engine.real import run_real
from rebnet.ir.network import Network, Node
from rebnet.ir.notation import ConvText, Folding, PoolText, parse
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, Op, PixelInput, ResidualSign, Threshold
from rebnet.ir.verify import verify
from rebnet.spec.gains import choose_gains
from rebnet.spec.residual import steps_of
from rebnet.spec.threshold import MOST_SHIFT, step_tree
from rebnet.spec.window import NO_PADS, Window


def with_nodes(network, nodes):
    """The chain of these nodes and operations; layers with weights keep their names."""
    bare = (node if isinstance(node, Node) else Node("", node) for node in nodes)
    return replace(network, nodes=tuple(Node(n.name if isinstance(n.op, Dense) else "", n.op) for n in bare))


def random_images(seed, count, image=(2, 3, 1)):
    return np.random.default_rng(seed).integers(0, 256, (count, *image), dtype=np.uint8)


def exported(seed=0, levels=2, bits=8, image=(2, 3, 1), hidden=(6, 5), classes=4, dead=0.0, folding=None):
    """An exported network with random weights, BatchNorms that fit random images, and slopes of both signs.

    `dead` is the share of channels whose BatchNorm weight is 0.
    """
    rng = np.random.default_rng(seed)
    rows = (*hidden, classes)
    ops = []
    columns = int(np.prod(image))
    for index, outputs in enumerate(rows):
        weights = BitMatrix.pack(rng.random((outputs, columns)) < 0.5)
        ops.append((f"layer{index + 1}", Dense(weights, float(rng.uniform(0.01, 1)), folding)))
        partial = Network.chain("partial", levels, PixelInput(*image, bits), (*ops, _identity(outputs)))
        ops.append(_batchnorm(rng, run_real(partial, random_images(seed, 300, image)), dead))
        if index < len(hidden):
            ops.append(_residual_sign(rng, levels, rows[index]))
        columns = outputs
    return verify(Network.chain("random", levels, PixelInput(*image, bits), ops))


def _identity(rows):
    zero, one = np.zeros(rows), np.ones(rows)
    return BatchNorm(zero, one, one, zero, 1e-12)


def _batchnorm(rng, outputs, dead):
    rows = outputs.shape[1]
    weight = rng.uniform(0.5, 1.5, rows) * rng.choice([-1, 1], rows) * (rng.random(rows) >= dead)
    mean, variance = outputs.mean(axis=0).astype(np.float64), outputs.var(axis=0).astype(np.float64)
    return BatchNorm(mean, variance, weight, rng.normal(0, 0.3, rows), 1e-5)


def _residual_sign(rng, levels, inputs, most=None):
    gammas = [2.0**-level * rng.uniform(1, 1.3) for level in range(levels)]
    if levels == 1:
        return ResidualSign(tuple(gammas), 0)
    gains, fraction_bits = choose_gains(gammas, inputs, most or levels)
    return ResidualSign(tuple(gain / 2.0**fraction_bits for gain in gains), fraction_bits)


def tiny(levels=2):
    """A network small enough to print in full, with pixels of 2 bits and slopes of both signs."""
    first = ("layer1", Dense(BitMatrix.pack(np.asarray([[True, True], [True, False]])), 0.5, Folding(2, 1)))
    hidden = BatchNorm(
        np.asarray([0.5, 0.25]), np.asarray([3.0, 0.0]), np.asarray([2.0, -0.5]), np.asarray([0.0, 1.0]), 1.0
    )
    sign = ResidualSign({1: (0.75,), 2: (0.75, 0.25)}[levels], 0 if levels == 1 else 2)
    second = ("layer2", Dense(BitMatrix.pack(np.asarray([[False, True], [True, True]])), 1.0))
    last = BatchNorm(np.zeros(2), np.ones(2), np.asarray([2.0, -1.0]), np.asarray([0.5, 1.0]), 1e-5)
    return verify(Network.chain("tiny", levels, PixelInput(1, 1, 2, 2), (first, hidden, sign, second, last)))


def from_text(text, seed=0, levels=2, bits=8, dead=0.0, pool_behind=False):
    """An exported network of the text's shape with random weights and BatchNorms of about the right statistics.

    `dead` is the share of channels whose BatchNorm weight is 0; pools stand before the residual sign, or behind it.
    """
    rng = np.random.default_rng(seed)
    architecture = parse(text)
    layers = architecture.layers
    ops = []
    power = 1 / 3  # mean square of an input: pixels fill [-1, 1]
    for index, layer in enumerate(layers):
        if isinstance(layer, PoolText):
            continue
        columns, rows = architecture.inputs_of(index), layer.rows
        weights = BitMatrix.pack(rng.random((rows, columns)) < 0.5)
        name, scale = f"layer{sum(isinstance(op, tuple) for op in ops) + 1}", float(rng.uniform(0.01, 1))
        if isinstance(layer, ConvText):
            ops.append((name, Conv(weights, scale, layer.folding, window=layer.window, groups=layer.groups)))
        else:
            ops.append((name, Dense(weights, scale, layer.folding)))
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
    return verify(Network.chain("random", levels, image, ops))


def finer(network, seed):
    """A lowered network whose thresholds and steps count finer units, not all of them whole accumulators."""
    rng = np.random.default_rng([seed, 9])

    def rule(op):
        if not isinstance(op, Threshold):
            return op
        more = min(int(rng.integers(0, 4)), MOST_SHIFT - op.shift)
        less = 1 if op.tree else 1 << more  # a tree's boundaries stay in their order
        thresholds, steps = ((n << more) - rng.integers(0, less, n.shape) for n in (op.thresholds, op.steps))
        return Threshold(thresholds, steps, op.shift + more, op.tree)

    return verify(network.with_ops(map(rule, network.ops)))


def treed(rng, network, share=0.5):
    """A lowered network some of whose encoders have boundaries that nothing but a tree of steps gives."""

    def drawn(node):
        read = network.read(node) if isinstance(node.op, Threshold) else None
        if read is None or rng.random() >= share:
            return node.op
        shape = (len(network.served), read.shape.channels)
        t = np.zeros(shape, dtype=np.int64)
        steps = np.zeros((*shape, steps_of(network.levels, True)), dtype=np.int64)
        for index, row in np.ndindex(shape):
            count = steps_of(network.served[index], True)
            numbers = np.sort(rng.integers(read.low[index], read.high[index] + 2, count + 1))
            t[index, row], steps[index, row, :count] = step_tree(numbers.tolist())
        return Threshold(t, steps, 0, network.levels > 1)

    return verify(network.with_ops(map(drawn, network.nodes)))


def images_for(network, seed, count):
    """Random images of the network's input shape."""
    image = network.input
    return random_images(seed, count, (image.height, image.width, image.channels))


def random_text(rng, channels=(1, 2, 5, 9), most=12):
    """A random text of up to three convolutions, some padded, some pooled, and one or two dense layers."""
    height, width = (int(size) for size in rng.integers(1, most, 2))
    tokens = [f"{height}x{width}x{rng.choice([1, 2, 3])}"]
    for _ in range(rng.integers(0, 4)):
        kernel, same = draw_pair(rng, 1, 6), bool(rng.integers(2))
        window = Window(kernel, draw_pair(rng, 1, 4), same, NO_PADS if same else draw_pads(rng, kernel))
        if not window.fits(height, width):
            continue
        tokens.append(f"C{rng.choice(channels)}:{window}")
        height, width = window.output(height, width)
        kernel = draw_pair(rng, 1, 4)
        pool = Window(kernel, draw_pair(rng, 1, 4), pads=draw_pads(rng, kernel))
        if rng.integers(2) and pool.fits(height, width):
            tokens.append(str(PoolText(pool)))
            height, width = pool.output(height, width)
    tokens.extend(f"D{rng.choice(channels)}" for _ in range(rng.integers(0, 2)))
    return " - ".join([*tokens, f"D{rng.integers(1, 6)}"])


def tiny_conv(levels=2):
    """A convolution small enough to print in full: 3x3 pixels, 2x2 windows, a pool, slopes of both signs."""
    weights = BitMatrix.pack(np.asarray([[True, False, True, True], [False, False, True, False]]))
    first = ("layer1", Conv(weights, 0.5, Folding(2, 4), window=Window(2, 1)))
    hidden = BatchNorm(
        np.asarray([0.5, 0.25]), np.asarray([3.0, 0.0]), np.asarray([2.0, -0.5]), np.asarray([0.0, 1.0]), 1.0
    )
    sign = ResidualSign({1: (0.75,), 2: (0.75, 0.25)}[levels], 0 if levels == 1 else 2)
    second = ("layer2", Dense(BitMatrix.pack(np.asarray([[False, True], [True, True]])), 1.0))
    last = BatchNorm(np.zeros(2), np.ones(2), np.asarray([2.0, -1.0]), np.asarray([0.5, 1.0]), 1e-5)
    ops = (first, hidden, MaxPool(Window(2, 2)), sign, second, last)
    return verify(Network.chain("tiny", levels, PixelInput(3, 3, 1, 2), ops))


def with_own_sets(network, seed=0):
    """An exported network as an any-level one: numbers of its own for every m, hidden slopes of one sign."""
    rng = np.random.default_rng([seed, 7])
    ops = []
    layers = 0
    for op in network.ops:
        match op:
            case BatchNorm():
                last = op is network.ops[-1]
                ops.append(_own_norms(rng, op, network.levels, rng.choice([-1, 1], op.mean.shape) if last else 1))
            case ResidualSign():
                inputs = network.layers[layers].op.weights.columns
                fewer = [_residual_sign(rng, m, inputs, network.levels) for m in range(1, network.levels)]
                ops.append(replace(op, fewer=tuple(fewer)))
            case _:
                layers += isinstance(op, Dense)
                ops.append(op)
    return verify(network.with_ops(ops))


def _own_norms(rng, norm, levels, turn):
    """`norm` for M levels, others of about its size for fewer; their weights' signs are turned by `turn`."""
    rows = norm.mean.shape
    sets = [
        replace(
            norm,
            mean=norm.mean + rng.normal(0, 0.2, rows) * np.sqrt(norm.variance),
            variance=norm.variance * rng.uniform(0.7, 1.4, rows),
            weight=norm.weight * rng.uniform(0.7, 1.4, rows) * turn,
            bias=norm.bias + rng.normal(0, 0.2, rows),
        )
        for _ in range(1, levels)
    ]
    names = ("mean", "variance", "weight", "bias")
    return replace(norm, **{name: np.stack([getattr(one, name) for one in (*sets, norm)]) for name in names})


def alone(network, levels):
    """The network of M = `levels` that an any-level network is at m = `levels`."""
    ops = tuple(
        op.at(levels)
        if isinstance(op, BatchNorm)
        else ((*op.fewer, op)[levels - 1] if isinstance(op, ResidualSign) else op)
        for op in network.ops
    )
    ops = tuple(replace(op, fewer=()) if isinstance(op, ResidualSign) else op for op in ops)
    return verify(replace(network.with_ops(ops), levels=levels, served=()))


def tiny_any():
    """`tiny` with numbers of its own for m = 1: factor 0.5, other norms, a score whose slope has the other sign."""
    network = tiny()
    first, hidden, sign, second, last = network.ops
    hidden = BatchNorm(
        np.asarray([[0.0, 0.5], hidden.mean]),
        np.asarray([[0.0, 3.0], hidden.variance]),
        np.asarray([[1.0, -2.0], hidden.weight]),
        np.asarray([[0.25, 0.0], hidden.bias]),
        1.0,
    )
    last = BatchNorm(
        np.zeros((2, 2)),
        np.ones((2, 2)),
        np.asarray([[2.0, 1.0], last.weight]),
        np.asarray([[0.0, 1.0], last.bias]),
        1e-5,
    )
    ops = (first, hidden, replace(sign, fewer=(ResidualSign((0.5,), 0),)), second, last)
    return verify(network.with_ops(ops))
