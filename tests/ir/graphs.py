"""Random exported networks with branches, and what they compute on exact numbers: an oracle that shares no law."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, Op, PixelInput, ResidualSign
from rebnet.ir.values import Code, Feature, LevelCounts, Shape, Value
from rebnet.ir.verify import verify
from rebnet.spec.rescale import grid_of
from rebnet.spec.upsample import Factors
from rebnet.spec.window import NO_PADS, Pads, Window
from rebnet.spec.xnor import odd_gains


def draw_pair(rng: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    """Rows and columns, from `least` to below `most`, equal more often than not."""
    rows, columns = (int(size) for size in rng.integers(least, most, 2))
    return (rows, rows if rng.random() < 0.6 else columns)


def draw_pads(rng: np.random.Generator, kernel: tuple[int, int]) -> Pads:
    """Padding of each side, most often none."""
    if rng.random() < 0.7:
        return NO_PADS
    (top, below), (left, right) = (tuple(int(pad) for pad in rng.integers(0, size, 2)) for size in kernel)
    return (top, below), (left, right)


def draw_weight_gains(rng: np.random.Generator, most: int) -> tuple[int, ...]:
    """What the planes of a layer's weights count: 2 to 8 bits, ternary, or residual planes; one plane half the time.

    Their sum is at most `most`, so that accumulators fit.
    """
    kinds = [(1,)] * 8
    kinds += [odd_gains(bits) for bits in range(2, 9)] + [(1, 1)] * 2
    planes = int(rng.integers(2, 9))
    kinds += [tuple(sorted((int(gain) for gain in rng.integers(1, 255 // planes, planes)), reverse=True))] * 2
    chosen = kinds[int(rng.integers(len(kinds)))]
    return chosen if sum(chosen) <= most else (1,)


def draw_weights(rng: np.random.Generator, rows: int, columns: int, gains: tuple[int, ...] = (1,)) -> BitMatrix:
    """Random weights in planes that count so much."""
    shape = (len(gains), rows, columns) if len(gains) > 1 else (rows, columns)
    return BitMatrix.pack(rng.random(shape) < 0.5, gains)


GROWN = (Factors(2, 2), Factors(2, 1), Factors(1, 2), Factors(3, 2))
MOST_REACH = 1 << 22
"""Of accumulators with what stands behind them, so that 24 bits hold all."""
MOST_GROWN = 20
"""Places of a map that may still grow."""


@dataclass
class Graph:
    """A network that grows; values that may still be read are picked at random."""

    rng: np.random.Generator
    levels: int
    image: PixelInput
    own_sets: bool = False
    nodes: list[Node[Op]] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    widths: dict[str, float] = field(default_factory=dict)  # root mean square of a value
    signs: list[ResidualSign] = field(default_factory=list)
    planes: np.random.Generator | None = None  # what draws planes of weights; None: all have one
    blocks: np.random.Generator | None = None  # what draws blocks that channels become; None: there are none

    def __post_init__(self) -> None:
        self.counts = LevelCounts(self.levels, tuple(range(1, self.levels + 1)))
        self.values[PIXELS] = self.image.result(self.counts)
        self.widths[PIXELS] = 0.6

    def put(self, op: Op, *sources: str, width: float) -> str:
        """Add an operation; the name of its value."""
        name = f"n{len(self.nodes)}"
        self.values[name] = op.result(self.counts, *(self.values[source] for source in sources))
        self.widths[name] = width
        self.nodes.append(Node(name, op, sources))
        return name

    def of(self, kind: type, shape: Shape | None = None) -> list[str]:
        """Names of values of a type, and of a shape."""
        return [n for n, v in self.values.items() if isinstance(v, kind) and shape in (None, v.shape)]

    def pick(self, names: list[str]) -> str:
        return names[int(self.rng.integers(max(0, len(names) - 4), len(names)))]

    def layer(self, source: str, rows: int, window: Window | None, groups: int = 1) -> str:
        """A layer with weights, and what its sums' width is."""
        shape = self.values[source].shape
        columns = shape.elements if window is None else window.area * shape.channels // groups
        weights, square = BitMatrix.pack(self.rng.random((rows, columns)) < 0.5), 1.0
        if self.planes is not None and groups == 1:
            codes = self.values[source]
            assert isinstance(codes, Code)
            assert codes.gains is not None
            most = MOST_REACH // (max(2, self.levels) * columns * max(map(sum, codes.gains)))
            gains = draw_weight_gains(self.planes, most)
            if len(gains) > 1:
                weights = draw_weights(self.planes, rows, columns, gains)
            square = float(sum(gain * gain for gain in gains))
        scale = 2.0 ** int(self.rng.integers(-3, 1))
        op = Dense(weights, scale) if window is None else Conv(weights, scale, window=window, groups=groups)
        return self.put(op, source, width=scale * self.widths[source] * (columns * square) ** 0.5)

    def norm(self, source: str, *, positive: bool) -> str:
        rows, width = self.values[source].shape.channels, self.widths[source]
        shape = (self.levels, rows) if self.own_sets else (rows,)
        weight = self.rng.uniform(0.4, 1.5, shape) * (self.rng.random(shape) > 0.05)
        if not positive:
            weight = weight * self.rng.choice([-1, 1], rows)
        mean, variance = self.rng.normal(0, 0.3 * width, shape), self.rng.uniform(0.5, 1.5, shape) * width**2
        op = BatchNorm(mean, variance, weight, self.rng.normal(0, 0.3, shape), 1e-5)
        return self.put(op, source, width=1.0)

    def sign(self, source: str) -> str:
        if self.signs and self.rng.random() < 0.3:
            sign = self.signs[int(self.rng.integers(len(self.signs)))]
        else:
            each = [self._sign(m) for m in range(1, self.levels + 1)]
            sign = (
                each[-1]
                if not self.own_sets
                else ResidualSign(each[-1].gammas, each[-1].fraction_bits, tuple(each[:-1]))
            )
            self.signs.append(sign)
        return self.put(sign, source, width=1.0)

    def _sign(self, levels: int) -> ResidualSign:
        if levels == 1:
            return ResidualSign((2.0 ** int(self.rng.integers(-2, 1)),), 0)
        bits = int(self.rng.integers(levels, max(7, levels + 1)))
        gains = [int(self.rng.integers(1 << (bits - i - 1), 1 << (bits - i)) * 0.7) + 1 for i in range(levels)]
        return ResidualSign(tuple(gain * 2.0**-bits for gain in sorted(gains, reverse=True)), bits)

    def feature(self, sums: str, fraction_bits: int, *, positive: bool) -> str:
        """A rescale of sums to about unit width."""
        rows, width = self.values[sums].shape.channels, self.widths[sums]
        layer = next(node for node in reversed(self.nodes) if isinstance(node.op, Dense))
        codes = self.values[layer.of[0]]
        assert isinstance(codes, Code)
        assert codes.units is not None
        shape = (self.levels, rows) if self.own_sets else (rows,)
        slope = layer.op.scale * np.asarray(codes.units)[-1] / width * self.rng.uniform(0.3, 1.5, shape)
        slope = slope if positive else slope * self.rng.choice([-1, 1], shape)
        grid = grid_of(slope, self.rng.normal(0, 0.5, shape), fraction_bits)
        return self.put(Rescale(grid.scale, grid.bias, grid.shift, fraction_bits), sums, width=1.0)

    def window(self, shape: Shape, most: int = 4) -> Window | None:
        same = bool(self.rng.random() < 0.6)
        stride = draw_pair(self.rng, 1, 3) if self.rng.random() < 0.3 else (1, 1)
        kernel = draw_pair(self.rng, 1, most)
        window = Window(kernel, stride, same, NO_PADS if same else draw_pads(self.rng, kernel))
        return window if window.fits(*shape[:2]) else None


def random_graph(
    seed: int, levels: int | None = None, steps: int | None = None, most: int = 8, *, maps: bool = True
) -> Network:
    """A network of forks, joins and whatever else an exported network may have; some answer on `maps`."""
    rng = np.random.default_rng([seed, 20])
    m = int(rng.integers(1, 5)) if levels is None else levels
    image = PixelInput(
        *(int(size) for size in rng.integers(1, most, 2)), int(rng.integers(1, 4)), int(rng.integers(1, 9))
    )
    own_sets = m > 1 and bool(rng.random() < 0.3)
    planes, blocks = np.random.default_rng([seed, 21]), np.random.default_rng([seed, 23])
    graph = Graph(rng, m, image, own_sets, planes=planes, blocks=blocks)
    fraction_bits = int(rng.integers(0, 6))
    for _ in range(int(rng.integers(3, 14)) if steps is None else steps):
        _grow(graph, fraction_bits)
        _part(graph)
    ends = np.random.default_rng([seed, 22])
    places = [name for name in graph.of(Code) if name != PIXELS and graph.values[name].shape.positions > 1]
    if maps and places and ends.random() < 0.5:
        return pruned(f"graph{seed}", graph, graph.norm(_map_of_sums(graph, places[-1], ends), positive=False))
    last = graph.norm(graph.layer(_gathered(graph), int(rng.integers(2, 6)), None), positive=False)
    return pruned(f"graph{seed}", graph, last)


def _map_of_sums(graph: Graph, source: str, rng: np.random.Generator) -> str:
    """A convolution that answers at each of its places."""
    graph.rng = rng
    window = graph.window(graph.values[source].shape) or Window(1)
    return graph.layer(source, int(rng.integers(1, 6)), window)


def _gathered(graph: Graph) -> str:
    """One code of all that nothing reads yet."""
    read = {source for node in graph.nodes for source in node.of}
    loose = [name for name in graph.values if name not in read and name != PIXELS] or [PIXELS]
    shared = (
        graph.sign(graph.norm(graph.layer(loose.pop(), 4, None), positive=graph.own_sets))
        if (isinstance(graph.values[loose[-1]], Code))
        else graph.sign(graph.put(SumPool(), loose.pop(), width=1.0))
    )
    sign = graph.nodes[-1].op
    codes = [shared]
    for name in loose:
        if isinstance(graph.values[name], Code):
            real = graph.norm(graph.layer(name, 3, None), positive=graph.own_sets)
        else:
            real = graph.put(SumPool(), name, width=1.0)
        codes.append(graph.put(sign, real, width=1.0))
    return codes[0] if len(codes) == 1 else graph.put(Join(), *codes, width=1.0)


def pruned(name: str, graph: Graph, last: str) -> Network:
    """The network of what the last value needs."""
    needed, kept = {last}, []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed |= set(node.of)
            kept.append(node)
    return verify(Network(name, graph.levels, graph.image, tuple(reversed(kept))))


def _grow(graph: Graph, fraction_bits: int) -> None:
    rng = graph.rng
    features, codes = graph.of(Feature), graph.of(Code)
    match int(rng.integers(0, 14)):
        case 0 | 1 | 2:
            _layer(graph, graph.pick(codes), fraction_bits)
        case 3 if features:
            source = graph.pick(features)
            graph.sign(graph.norm(source, positive=True) if rng.random() < 0.4 else source)
        case 4 | 5 | 9 | 10 | 11 if features:
            first = graph.pick(features)
            others = [n for n in graph.of(Feature, graph.values[first].shape) if _meet(graph, first, n)]
            count = int(rng.integers(2, 4))
            graph.put(Add(), first, *(graph.pick(others) for _ in range(count - 1)), width=count**0.5)
        case 6 if features:
            source = graph.pick(features)
            shape = graph.values[source].shape
            window = Window(draw_pair(rng, 1, 4), draw_pair(rng, 1, 3))
            padded = Window(window.kernel, window.stride, pads=draw_pads(rng, window.kernel))
            if not window.fits(*shape[:2]):
                return
            pools: list[Op] = [SumPool(window), SumPool(), MaxPool(padded)]
            graph.put(pools[int(rng.integers(3))], source, width=1.0)
        case 12 if features:
            source = graph.pick(features)
            graph.put(bend(graph, source), source, width=graph.widths[source])
        case 13:
            values = [*features, *(n for n in codes if n != PIXELS and graph.values[n].planes == graph.levels)]
            small = [n for n in values if graph.values[n].shape.positions <= MOST_GROWN]
            if small:
                source = graph.pick(small)
                graph.put(Upsample(GROWN[int(rng.integers(len(GROWN)))]), source, width=graph.widths[source])
        case 7 if features:
            first = graph.pick(features)
            shape = graph.values[first].shape
            others = [
                n
                for n in features
                if graph.values[n].shape[:2] == shape[:2] and graph.values[n].unit == graph.values[first].unit
            ]
            graph.put(Join(), first, graph.pick(others), width=1.0)
        case 8:
            real = [n for n in codes if n != PIXELS]
            if not real:
                return
            first = graph.pick(real)
            same = [n for n in real if graph.values[n] == graph.values[first]]
            shaped = graph.of(Code, graph.values[first].shape)
            stacked = rng.random() < 0.5
            if not stacked and not any(isinstance(n.op, Stack) for n in graph.nodes if n.name in (first, *same)):
                graph.put(Join(), first, graph.pick(same), width=1.0)
            elif graph.values[first].planes + m_of(graph, shaped) <= 12:
                graph.put(Stack(), first, graph.pick([n for n in shaped if n != PIXELS]), width=2.0**0.5)


def bend(graph: Graph, source: str) -> TwoSlope:
    """Slopes below 0 and above 1 too, one that 16 bits just hold among them, and shifts of about a feature's width."""
    rng, feature = graph.rng, graph.values[source]
    assert isinstance(feature, Feature)
    rows = feature.shape.channels
    slope = rng.choice([0.25, 0.25, -0.5, 0.0, 1.0, 1.9], rows) * rng.uniform(0.5, 1, rows)
    shift = int(rng.integers(0, 15))
    limit = (1 << 15) - 1
    around = max(1, int(graph.widths[source] / feature.unit))
    shifts = rng.integers(-around, around + 1, (2, rows)) * (rng.random((2, 1)) < 0.7)
    return TwoSlope(np.clip(np.rint(slope * 2**shift), -limit - 1, limit).astype(np.int64), *shifts, shift)


def _part(graph: Graph) -> None:
    """Blocks of places of the channels of a code or feature, now and then."""
    if graph.blocks is None or graph.blocks.random() > 0.2:
        return
    codes = [name for name in graph.of(Code) if name != PIXELS and graph.values[name].planes == graph.levels]
    values = [name for name in (*graph.of(Feature), *codes) if _blocks(graph, name)]
    if values:
        _parted(graph, values[int(graph.blocks.integers(len(values)))])


def _parted(graph: Graph, source: str) -> str:
    """Blocks of places of the channels of a small map, where they can be parted; else the map itself."""
    legal = _blocks(graph, source)
    if graph.blocks is None or not legal or graph.blocks.random() < 0.3:
        return source
    return graph.put(DepthToSpace(int(graph.blocks.choice(legal))), source, width=graph.widths[source])


def _blocks(graph: Graph, source: str) -> list[int]:
    """Sides of the blocks that the channels of a small map may become."""
    shape = graph.values[source].shape
    return [block for block in (2, 3) if shape.channels % block**2 == 0 and shape.positions <= MOST_GROWN]


def m_of(graph: Graph, names: list[str]) -> int:
    return max(graph.values[name].planes for name in names)


def _meet(graph: Graph, first: str, other: str) -> bool:
    times = Fraction(graph.values[first].unit / graph.values[other].unit)
    return all(n & (n - 1) == 0 for n in (times.numerator, times.denominator))


def _layer(graph: Graph, source: str, fraction_bits: int) -> None:
    """A convolution or a dense layer, and behind it a code, a feature, or a pool and one of them."""
    rng, shape = graph.rng, graph.values[source].shape
    window = graph.window(shape)
    rows = int(rng.choice([3, 4, 4, 4, 4, 7]))
    groups = 1
    if window is not None and rng.random() < 0.35:
        divisors = [one for one in range(1, shape.channels + 1) if shape.channels % one == 0]
        groups = divisors[max(int(rng.integers(len(divisors))) for _ in range(2))]
        rows = groups * int(rng.choice([1, 1, 2, 3])) if groups > 1 else rows
    sums = graph.layer(source, rows, window, groups)
    pooled = False
    if window is not None and rng.random() < 0.25:
        size = graph.values[sums].shape
        kernel = draw_pair(rng, 1, 3)
        pool = Window(kernel, draw_pair(rng, 1, 3), pads=draw_pads(rng, kernel))
        if pool.fits(*size[:2]):
            sums, pooled = graph.put(MaxPool(pool), sums, width=graph.widths[sums]), True
        if rng.random() < 0.3 and graph.values[sums].shape.positions <= MOST_GROWN:
            sums = graph.put(Upsample(GROWN[0]), sums, width=graph.widths[sums])
        else:
            sums = _parted(graph, sums)
    if rng.random() < 0.35:
        graph.sign(graph.norm(sums, positive=pooled or graph.own_sets))
    else:
        graph.feature(sums, fraction_bits, positive=pooled)


def exact_values(network: Network, images: np.ndarray, m: int) -> dict[str, np.ndarray]:
    """Every value of an exported network at m levels, in float64: (images, height, width, channels) of real numbers.

    Sums of a layer are products of real numbers; what is rounded is rounded as real numbers are.
    """
    bits, peak = network.input.bits, 2**network.input.bits - 1
    found = {PIXELS: (2.0 * (images >> (8 - bits)) - peak) / peak}
    lowest = {PIXELS: -1.0}
    for node in network.nodes:
        inputs = [found[source] for source in network.sources(node)]
        low = lowest.get(network.sources(node)[0], 0.0)
        match node.op:
            case Conv(window=window, groups=groups) as op:
                rows, shape = op.weights.rows // groups, inputs[0].shape
                own = shape[-1] // groups
                weights = np.zeros((op.weights.rows, window.area, shape[-1]))  # of all channels, 0 for other groups
                for row, numbers in enumerate(op.weights.values.reshape(-1, window.area, own)):
                    first = row // rows * own
                    weights[row, :, first : first + own] = numbers
                value = _windows(inputs[0], window, low) @ weights.reshape(len(weights), -1).T * op.scale
            case Dense() as op:
                flat = inputs[0].reshape(len(images), 1, 1, -1)
                value = flat @ op.weights.values.T * op.scale
            case MaxPool(window=window):
                value = _pool(inputs[0], window, np.max)
            case BatchNorm() as op:
                norm = op.at(m)
                value = (inputs[0] - norm.mean) / np.sqrt(norm.variance + norm.epsilon) * norm.weight + norm.bias
            case Rescale() as op:
                value = _rescaled(network, node, op.at(m), inputs[0], m)
            case ResidualSign() as op:
                value, rest = np.zeros_like(inputs[0]), inputs[0].copy()
                for gamma in op.factors(m):
                    step = np.where(rest >= 0, gamma, -gamma)
                    value, rest = value + step, rest - step
                lowest[node.name] = -sum(op.factors(m))
            case TwoSlope() as op:
                unit = float(network.values[network.sources(node)[0]].unit)
                y = np.rint(inputs[0] / unit) + op.before
                value = (
                    np.maximum(y, 0) + np.floor(op.slope * np.minimum(y, 0) * 2.0**-op.shift + 0.5) + op.after
                ) * unit
            case Add():
                value = sum(inputs)
            case SumPool(window=window):
                whole = inputs[0].mean(axis=(1, 2), keepdims=True)
                value = whole if window is None else _pool(inputs[0], window, np.mean)
            case Upsample(factors=factors):
                height, width = inputs[0].shape[1:3]
                rows = np.arange(height * factors.rows) // factors.rows
                value = inputs[0][:, rows[:, None], np.arange(width * factors.columns) // factors.columns]
            case DepthToSpace(block=block):
                count, height, width, channels = inputs[0].shape
                value = np.zeros((count, height * block, width * block, channels // block**2))
                for i, j in np.ndindex(block, block):
                    value[:, i::block, j::block] = inputs[0][..., i * block + j :: block**2]
            case Join():
                value = np.concatenate(inputs, axis=-1)
            case Stack():
                value = sum(inputs)
        given = network.values[node.name]
        if isinstance(given, Feature):  # whole numbers of units, of which a third is not a sum of powers of two
            value = np.rint(value / float(given.unit)) * given.unit.numerator / given.unit.denominator
        if isinstance(node.op, MaxPool | Join | Upsample | DepthToSpace) and network.sources(node)[0] in lowest:
            lowest[node.name] = low
        elif isinstance(node.op, Stack):
            lowest[node.name] = sum(lowest[source] for source in network.sources(node))
        found[node.name] = value
    return found


def _rescaled(network: Network, node: Node[Op], op: Rescale, sums: np.ndarray, m: int) -> np.ndarray:
    """The real slope times the sums, on the grid."""
    layer = network.layer_of(node)
    assert layer is not None
    codes = network.read(layer)
    assert isinstance(codes, Code)
    unit = layer.op.scale * codes.at(m - 1)[0]
    a, b = op.scale / unit * 2.0**-op.shift, (op.bias + 0.5) * 2.0**-op.shift
    return np.floor(a * sums + b) * 2.0**-op.fraction_bits


def _windows(maps: np.ndarray, window: Window, low: float) -> np.ndarray:
    height, width = maps.shape[1:3]
    padded = np.pad(maps, ((0, 0), *window.padding(height, width), (0, 0)), constant_values=low)
    (rows, columns), (high, wide), (down, right) = window.output(height, width), window.kernel, window.stride
    return np.stack(
        [
            np.stack(
                [
                    padded[:, y : y + high, x : x + wide].reshape(len(maps), -1)
                    for x in range(0, columns * right, right)
                ],
                axis=1,
            )
            for y in range(0, rows * down, down)
        ],
        axis=1,
    )


def _pool(maps: np.ndarray, window: Window, function) -> np.ndarray:
    channels = maps.shape[-1]
    vectors = _windows(maps, window, -np.inf)
    return function(vectors.reshape(*vectors.shape[:3], window.area, channels), axis=3)
