"""An exported network on real numbers, in double or single precision: the float side of float against integer.

Integer codes are those of the exact numbers, which double precision tells apart but for ties within its rounding;
single precision is what PyTorch computes.

An activation is a whole number of units: of 1/peak for pixels, of γ for one level, of 2^-f for the factors of more. So
a product with weights of ±1 is a sum of whole numbers, exact below 2^24 units (2^53 in float64) whatever order it is
added in, and one multiplication by what a unit is worth makes it real: the outputs do not depend on threads, batches or
a machine's BLAS. Where float32 holds them all, the sums of double precision are computed in it, twice as fast.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rebnet.engine.maps import Maps, padded, pool, windows
from rebnet.engine.reference import check_images
from rebnet.errors import OptionError
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, MultiThreshold, Op, ResidualSign
from rebnet.ir.values import Code, Feature, Value
from rebnet.spec.groups import split_groups
from rebnet.spec.residual import decode, encode_among
from rebnet.spec.two_slope import two_slope
from rebnet.spec.window import Window

_BATCH = 32  # images that go through the network together
_BLOCK_ELEMENTS = 1 << 19  # windows of a layer, and what it makes of them, that are held at a time: about a cache
_SINGLE = 2**24  # whole numbers below it are exact in float32
Real = np.dtype[np.floating[Any]]


def run_real(
    network: Network,
    images: NDArray[np.uint8],
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
    precision: type[np.floating[Any]] = np.float32,
) -> Maps:
    """Real class outputs of every image; in float32 as PyTorch computes them, up to rounding.

    Args:
        network: an exported network, not lowered.
        images: uint8 of shape (N, height, width, channels).
        levels: levels m to run at, with the constants for m or the first m levels of each residual sign; M if None.
        progress: called with the number of images done since the last call.
        precision: np.float32 or np.float64, of all that is computed.

    Returns:
        Outputs of shape (N, classes), or (N, height, width, classes) of a network that answers on a map.

    Raises:
        OptionError: the network has not so many levels, or is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    if levels is not None and not 1 <= levels <= network.levels:
        raise OptionError(f"levels={levels}: this network has {network.levels}; choose 1 to {network.levels}")
    real = np.dtype(precision)
    steps = _steps(network, network.levels if levels is None else levels, real)
    image, bits, answer = network.input, network.input.bits, network.answers[0].name

    def work(batch: NDArray[np.uint8]) -> Maps:
        values: dict[str, Maps] = {PIXELS: 2 * (image.taken(batch) >> (8 - bits)).astype(real) - precision(2**bits - 1)}
        for step in steps:
            values[step.name] = step.run(*(values[source] for source in step.of))
            for name in step.last:
                del values[name]
        return values[answer].reshape(len(batch), *network.scores_shape)

    outputs: list[Maps] = [np.zeros((0, *network.scores_shape), dtype=real)]
    # numpy lets other threads go on while it computes; threads of its BLAS would wait for each other in every product
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for batch in threads.map(work, [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]):
            outputs.append(batch)
            progress(len(batch))
    return np.concatenate(outputs)


@dataclass(frozen=True)
class _Stage:
    """A layer with weights and all that stands between it and the next one, or where branches part.

    Attributes:
        weights: ±1, or whole numbers of several planes, (groups, columns, rows of a group); in float32 where it holds
            every sum.
        window: of a convolution; a dense layer takes the whole map.
        lowest: what pads its input, in units.
        scale: what a unit of a sum is worth.
        after: what happens to the real sums, (images, height, width, rows); may work in place.
    """

    weights: Maps
    window: Window | None
    lowest: float
    scale: np.floating[Any]
    after: list[Callable[[Maps], Maps]] = field(default_factory=list)

    def __call__(self, x: Maps) -> Maps:
        return _run(self, x)


@dataclass
class _Step:
    """What gives a value.

    Attributes:
        name: of the value.
        of: values that it reads.
        run: from these to the value.
        last: values that nothing reads behind it.
    """

    name: str
    of: tuple[str, ...]
    run: Callable[..., Maps]
    last: tuple[str, ...] = ()


class _Codes(NamedTuple):
    """Codes of values.

    Attributes:
        unit: what a unit is worth.
        lowest: of all values, in units; the largest is its negative.
        grain: a power of two that every value is a multiple of, in units.
    """

    unit: float
    lowest: float
    grain: float


def _codes(unit: float, gammas: Sequence[float]) -> _Codes:
    """The codes of these factors, in units."""
    return _Codes(unit, -sum(gammas), _grain(gammas))


def _grain(numbers: Iterable[float]) -> float:
    """The largest power of two that all numbers are multiples of: an odd whole number times a power of two each."""
    ratios = (number.as_integer_ratio() for number in map(float, numbers) if number)
    return min(((top & -top) / bottom for top, bottom in ratios), default=1.0)


def _steps(network: Network, levels: int, real: Real) -> list[_Step]:
    steps: list[_Step] = []
    peak = 2**network.input.bits - 1
    codes = {PIXELS: _Codes(1 / peak, -float(peak), 1.0)}
    for node in network.nodes:
        sources = network.sources(node)
        read = [codes[source] for source in sources if source in codes]
        if isinstance(node.op, Dense):
            steps.append(_Step(node.name, sources, _stage(node.op, read[0], real)))
            continue
        function, given = _function(network, node, levels, read, real)
        if given is not None:
            codes[node.name] = given
        stage = steps[-1] if steps and (steps[-1].name,) == sources else None
        if stage is not None and isinstance(stage.run, _Stage) and len(network.users[stage.name]) == 1:
            stage.run.after.append(function)
            stage.name = node.name
        else:
            inplace = isinstance(node.op, BatchNorm | ResidualSign)
            steps.append(_Step(node.name, sources, _on_copy(function) if inplace else function))
    seen: set[str] = set()
    for step in reversed(steps):
        step.last = tuple(source for source in dict.fromkeys(step.of) if source not in seen)
        seen |= set(step.of)
    return steps


def _stage(op: Dense, codes: _Codes, real: Real) -> _Stage:
    rows = op.weights.values.reshape(op.group_count, -1, op.weights.columns)
    most = op.weights.columns * sum(op.weights.gains) * -codes.lowest
    product = np.dtype(np.float32) if most < _SINGLE * codes.grain else real
    weights = rows.transpose(0, 2, 1).astype(product)
    window = op.window if isinstance(op, Conv) else None
    return _Stage(weights, window, codes.lowest, real.type(op.scale * codes.unit))


def _function(
    network: Network, node: Node[Op], levels: int, read: list[_Codes], real: Real
) -> tuple[Callable[..., Maps], _Codes | None]:
    """What an operation without weights computes, and what its codes are, where it gives codes."""
    given = read[0] if read else None
    function: Callable[..., Maps]
    match node.op:
        case MaxPool(window=window):
            function = partial(pool, window=window)
        case BatchNorm() as op:
            function = _norm(op.at(levels), real)
        case Rescale() as op:
            function, given = _rescale(op.at(levels), network, node, levels), None
        case MultiThreshold() as op:
            function, given = _among(op), _codes(1.0, op.gammas)
        case ResidualSign() as op:
            gammas = op.factors(levels)
            unit, gammas = (gammas[0], (1.0,)) if len(gammas) == 1 else (1.0, gammas)
            function, given = partial(_binarize, gammas=gammas), _codes(unit, gammas)
        case TwoSlope() as op:
            function = _two_slope(op, network.read(node))
        case Add():
            function = _added
        case SumPool(window=window):
            function = partial(_mean, window=window)
        case Upsample() | DepthToSpace() as op:
            function = op.moved
        case Join():
            function = _joined
        case Stack():
            lowest = sum(one.unit * one.lowest for one in read)
            given = _Codes(1.0, lowest, _grain(one.unit * one.grain for one in read))
            function = partial(_stacked, units=tuple(one.unit for one in read))
        case _:
            raise OptionError(
                f"{type(node.op).__name__} is not a real operation; run the exported network, not the lowered one"
            )
    return function, given


def _on_copy(function: Callable[[Maps], Maps]) -> Callable[[Maps], Maps]:
    """The function, which may work in place, for values that others read; none of them is -0."""
    return lambda x: function(x + x.dtype.type(0))


def _rescale(op: Rescale, network: Network, node: Node[Op], levels: int) -> Callable[[Maps], Maps]:
    layer = network.layer_of(node)
    assert layer is not None
    read = network.read(layer)
    assert isinstance(read, Code)
    unit = layer.op.scale * read.at(network.served.index(levels))[0]
    a, b = op.scale / unit * 2.0**-op.shift, (op.bias + 0.5) * 2.0**-op.shift
    return lambda x: (np.floor(a * x + b) * 2.0**-op.fraction_bits).astype(x.dtype)


def _two_slope(op: TwoSlope, read: Value) -> Callable[[Maps], Maps]:
    """The law on whole numbers, which features are in their unit."""
    assert isinstance(read, Feature)
    unit = float(read.unit)

    def bent(x: Maps) -> Maps:
        z = np.rint(x / unit).astype(np.int64)
        return (two_slope(z, op.slope, op.before, op.after, op.shift) * unit).astype(x.dtype)

    return bent


def _added(*values: Maps) -> Maps:
    return reduce(np.add, values)


def _mean(x: Maps, window: Window | None) -> Maps:
    if window is None:
        return np.asarray(x.mean(axis=(1, 2), keepdims=True))
    vectors = windows(x, window)
    return np.asarray(vectors.reshape(*vectors.shape[:3], window.area, -1).mean(axis=3))


def _joined(*values: Maps) -> Maps:
    return np.concatenate(values, axis=-1)


def _stacked(*values: Maps, units: tuple[float, ...]) -> Maps:
    return reduce(np.add, [value.dtype.type(unit) * value for unit, value in zip(units, values, strict=True)])


def _run(stage: _Stage, x: Maps) -> Maps:
    """What a stage makes of a batch, a few images at a time, so that windows and sums stay in the cache."""
    groups, columns, rows = stage.weights.shape
    if stage.window is None:
        x, places = x.reshape(len(x), 1, 1, -1), 1
    else:
        places = math.prod(stage.window.output(*x.shape[1:3]))
        x = padded(x, stage.window, stage.lowest)
    block = max(1, _BLOCK_ELEMENTS // (places * groups * (columns + rows)))
    results = []
    for start in range(0, len(x), block):
        part = x[start : start + block].astype(stage.weights.dtype, copy=False)
        vectors = part if stage.window is None else windows(part, stage.window)
        sums = _products(vectors.reshape(-1, groups * columns), stage).reshape(*vectors.shape[:3], groups * rows)
        sums = sums.astype(x.dtype, copy=False)
        sums *= stage.scale
        for function in stage.after:
            sums = function(sums)
        results.append(sums)
    return np.concatenate(results)


def _products(vectors: Maps, stage: _Stage) -> Maps:
    """Sums of every window, (windows, groups·rows of a group)."""
    groups, _, rows = stage.weights.shape
    if groups == 1 or stage.window is None:
        products: Maps = vectors @ stage.weights[0]
        return products
    cut = split_groups(vectors, stage.window.area, groups)
    return np.moveaxis(cut @ stage.weights, 0, 1).reshape(len(vectors), groups * rows)


def _norm(norm: BatchNorm, real: Real) -> Callable[[Maps], Maps]:
    mean, bias = norm.mean.astype(real), norm.bias.astype(real) + real.type(0)  # no sum with +0 gives -0
    slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(real)

    def normed(x: Maps) -> Maps:
        x -= mean
        x *= slope
        x += bias
        return x

    return normed


def _among(op: MultiThreshold) -> Callable[[Maps], Maps]:
    return lambda x: decode(encode_among(x, op.boundaries), op.gammas).astype(x.dtype)


def _binarize(x: Maps, gammas: Sequence[float]) -> Maps:
    """Residual signs of values that are nowhere -0: s_i is the sign of x without what the levels before it say."""
    value = _signed(x, gammas[0])
    for gamma in gammas[1:]:
        value += _signed(x - value, gamma)
    return value


def _signed(x: Maps, magnitude: float) -> Maps:
    """The magnitude with the signs of x."""
    word = np.dtype(f"u{x.itemsize}")
    bits = x.view(word) & word.type(1 << (8 * x.itemsize - 1))
    bits |= x.dtype.type(magnitude).view(word)
    signed: Maps = bits.view(x.dtype)
    return signed
