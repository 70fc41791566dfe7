"""An exported network on real numbers, in double or single precision: the float side of float against integer.

Integer codes are those of the exact numbers, which double precision tells apart but for ties within its rounding;
single precision is what PyTorch computes.

An activation is a whole number of units: of 1/peak for pixels, of γ for one level, of 2^-f for the factors of more. So
a product with weights of ±1 is a sum of whole numbers, exact below 2^24 units (2^53 in float64) whatever order it is
added in, and one multiplication by what a unit is worth makes it real: the outputs do not depend on threads, batches or
a machine's BLAS.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rebnet.engine.maps import Maps, padded, pool, windows
from rebnet.engine.reference import check_images
from rebnet.engine.values import Values
from rebnet.errors import OptionError
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, Op, ResidualSign
from rebnet.spec.window import Window

_BATCH = 32  # images that go through the network together
_BLOCK_ELEMENTS = 1 << 19  # windows of a layer, and what it makes of them, that are held at a time: about a cache
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
        Outputs of shape (N, classes).

    Raises:
        OptionError: the network has not so many levels, or is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    if levels is not None and not 1 <= levels <= network.levels:
        raise OptionError(f"levels={levels}: this network has {network.levels}; choose 1 to {network.levels}")
    real = np.dtype(precision)
    stages = _stages(network, network.levels if levels is None else levels, real)
    answer, bits = network.answers[0].name, network.input.bits

    def work(batch: NDArray[np.uint8]) -> Maps:
        x: Maps = 2 * (batch >> (8 - bits)).astype(real) - precision(2**bits - 1)
        values = Values(network, x)
        for stage in stages:
            values[stage.gives] = _run(stage, values.read(stage.layer))
        return values[answer].reshape(len(x), -1)

    outputs: list[Maps] = [np.zeros((0, network.classes), dtype=real)]
    # numpy lets other threads go on while it computes; threads of its BLAS would wait for each other in every product
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for batch in threads.map(work, [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]):
            outputs.append(batch)
            progress(len(batch))
    return np.concatenate(outputs)


@dataclass
class _Stage:
    """A layer with weights and all that stands between it and the next one.

    Attributes:
        layer: its node.
        weights: ±1, (columns, rows).
        window: of a convolution; a dense layer takes the whole map.
        lowest: what pads its input, in units.
        scale: what a unit of a sum is worth.
        gives: name of the last node that it computes.
        after: what happens to the real sums, (images, height, width, rows); may work in place.
    """

    layer: Node[Op]
    weights: Maps
    window: Window | None
    lowest: float
    scale: np.floating[Any]
    gives: str
    after: list[Callable[[Maps], Maps]] = field(default_factory=list)


def _stages(network: Network, levels: int, real: Real) -> list[_Stage]:
    stages: dict[str, _Stage] = {}  # by the value that each gives, which the next nodes read
    peak = 2**network.input.bits - 1
    codes = {PIXELS: (1 / peak, -float(peak))}  # what a unit of each value is worth, and the lowest value in units
    for node in network.nodes:
        (source,) = network.sources(node)
        match node.op:
            case Dense() as op:
                weights = np.where(op.weights.bits.T, 1, -1).astype(real)
                window = op.window if isinstance(op, Conv) else None
                unit, lowest = codes[source]
                stages[node.name] = _Stage(node, weights, window, lowest, real.type(op.scale * unit), node.name)
                continue
            case MaxPool(window=window):
                after: Callable[[Maps], Maps] = partial(pool, window=window)
                codes |= {node.name: codes[source]} if source in codes else {}
            case BatchNorm() as norm:
                after = _norm(norm.at(levels), real)
            case ResidualSign() as sign:
                gammas = sign.factors(levels)
                unit, gammas = (gammas[0], (1.0,)) if len(gammas) == 1 else (1.0, gammas)
                codes[node.name] = unit, -sum(gammas)
                after = partial(_binarize, gammas=gammas)
            case op:
                raise OptionError(
                    f"{type(op).__name__} is not a real operation; run the exported network, not the lowered one"
                )
        stage = stages[node.name] = stages.pop(source)
        stage.after.append(after)
        stage.gives = node.name
    return list(stages.values())


def _run(stage: _Stage, x: Maps) -> Maps:
    """What a stage makes of a batch, a few images at a time, so that windows and sums stay in the cache."""
    columns, rows = stage.weights.shape
    if stage.window is None:
        x, places = x.reshape(len(x), 1, 1, -1), 1
    else:
        places = math.prod(stage.window.output(*x.shape[1:3]))
        x = padded(x, stage.window, stage.lowest)
    block = max(1, _BLOCK_ELEMENTS // (places * (columns + rows)))
    results = []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        vectors = part if stage.window is None else windows(part, stage.window)
        sums: Maps = (vectors.reshape(-1, columns) @ stage.weights).reshape(*vectors.shape[:3], rows)
        sums *= stage.scale
        for function in stage.after:
            sums = function(sums)
        results.append(sums)
    return np.concatenate(results)


def _norm(norm: BatchNorm, real: Real) -> Callable[[Maps], Maps]:
    mean, bias = norm.mean.astype(real), norm.bias.astype(real) + real.type(0)  # no sum with +0 gives -0
    slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(real)

    def normed(x: Maps) -> Maps:
        x -= mean
        x *= slope
        x += bias
        return x

    return normed


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
