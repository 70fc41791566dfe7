"""The engine in C++: a lowered network, packed once for the processor's instruction set.

Built with the package where a C++ compiler was there (`src/rebnet/engine/native`); `rebnet.engine.packed` does the
same in numpy where it was not. Scores equal the reference engine's.
"""

import importlib
import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import OptionError
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Code, Feature, Shape, shifts_to_finest
from rebnet.spec.window import Window


def _load() -> Any:
    try:
        return importlib.import_module("rebnet.engine._native")
    except ImportError:
        return None


_native: Any = _load()
_NONE = np.zeros((0, 0), dtype=np.int64)
_TAILS = (Threshold, Rescale, Scores)
_MOST_FEATURE, _MOST_PLANES = 1 << 31, 64


def instruction_sets() -> list[str]:
    """The instruction sets of this build that this processor has, the fastest first; none without the engine."""
    return [] if _native is None else list(_native.instruction_sets())


class NativeEngine:
    """A lowered network, packed for one of `instruction_sets()`; `Predictor` is its face.

    `kernel` is for tests: "planes" or "sums" for every layer that can be computed so (`kernels`), pixels as "bytes"
    with the former; "" for the best.

    Raises:
        OptionError: the network is not lowered.
    """

    def __init__(self, network: Network, threads: int, instruction_set: str, kernel: str = "") -> None:
        self._samples, self._shape = network.input.samples, network.scores_shape
        self._engine: Any = _native.Engine(_builder(network), threads, instruction_set, kernel)

    @property
    def kernels(self) -> tuple[str, ...]:
        """How the layers with weights are computed at all levels, in order.

        "bytes" multiplies pixels, "bits" counts what differs. Two are of AVX2 alone: "planes" looks each plane up,
        "sums" all planes of four channels, or of four pixels, together.
        """
        return tuple(self._engine.kernels)

    def run(self, images: NDArray[np.uint8], index: int, indices: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
        """`reference.run` of images that fit, with the constants of set `index` or of one per image; shape as there."""
        flat = images.reshape(len(images), self._samples)
        if flat.strides[1] != 1:
            flat = np.ascontiguousarray(flat)
        scores = np.empty((len(images), *self._shape), dtype=np.int64)
        self._engine.run(flat, index, indices, scores.reshape(len(images), math.prod(self._shape)))
        return scores


def unfit(network: Network) -> str | None:
    """What of the network the engine has no room for, in words; None where it has room for all."""
    for value in network.values.values():
        if isinstance(value, Feature):
            if min(value.low, default=0) < -_MOST_FEATURE or max(value.high, default=0) >= _MOST_FEATURE:
                return "features take more than 32 bits"
        elif isinstance(value, Code) and value.planes > _MOST_PLANES:
            return f"stacks have more than {_MOST_PLANES} planes"
    return None


def _builder(network: Network) -> Any:
    """The network, handed over step by step; every value has a number there."""
    image = network.input
    builder = _native.Builder(image.height, image.width, image.channels, image.bits, len(network.served))
    numbers = {PIXELS: 0}
    for node in network.nodes:
        if isinstance(node.op, Dense):
            _layer(builder, network, cast("Node[Dense]", node), numbers)
        elif node.name not in numbers:  # an encoder behind a layer goes with it
            numbers[node.name] = _step(builder, network, node, [numbers[name] for name in network.sources(node)])
    return builder


def _step(builder: Any, network: Network, node: Node[Op], sources: list[int]) -> Any:
    """The number of what a node without weights gives; None of scores."""
    values = [network.values[name] for name in network.sources(node)]
    match node.op:
        case Threshold() as op:
            made = builder.encode(*sources, *_encoder(op))
        case Rescale() as op:
            made = builder.rescale(*sources, _numbers(op.scale), _numbers(op.bias), op.shift)
        case TwoSlope() as op:
            constants = np.stack([op.slope, op.before, op.after])
            made = builder.two_slope(*sources, _numbers(constants), op.shift)
        case Scores() as op:
            layer = network.before(node)
            assert layer is not None
            reaches = cast(Dense, layer.op).reaches
            made = builder.scores(*sources, _numbers(op.scale), _numbers(op.bias), np.array(reaches, dtype=np.int64))
        case MaxPool(window=window):
            made = builder.pool(*sources, *_geometry(window, values[0].shape))
        case SumPool(window=window):
            made = builder.sum_pool(*sources, *_geometry(window, values[0].shape))
        case Upsample(factors=factors):
            made = builder.upsample(*sources, factors.rows, factors.columns)
        case DepthToSpace(block=block):
            made = builder.depth_to_space(*sources, block)
        case Add():
            made = builder.add(sources, list(shifts_to_finest(cast(list[Feature], values))))
        case Join():
            made = builder.join(sources)
        case Stack():
            made = builder.stack(sources)
        case _:
            raise OptionError(f"{type(node.op).__name__}: lower the network before running it")
    return made


def _layer(builder: Any, network: Network, layer: Node[Dense], numbers: dict[str, Any]) -> None:
    """A layer with weights, and the threshold that reads it."""
    op, codes = layer.op, network.read(layer)
    tail = next(iter(network.users[layer.name]), None)
    if op.gains is None or not isinstance(codes, Code) or tail is None or not isinstance(tail.op, _TAILS):
        raise OptionError(f"{network.name}: lower the network before running it")
    window = _geometry(op.window if isinstance(op, Conv) else None, codes.shape)
    gains = np.array([row[: codes.planes] for row in op.gains], dtype=np.int64)
    levels, *constants = _encoder(tail.op) if isinstance(tail.op, Threshold) else (0, 0, _NONE, _NONE)
    named = tail.name if levels else layer.name
    (source,) = network.sources(layer)
    numbers[named] = builder.layer(
        numbers[source], *window, op.weights.rows, op.group_count, levels, constants[0],
        np.ascontiguousarray(op.weights.packed.reshape(len(op.weights.gains), op.weights.rows, -1)),
        np.array(op.weights.gains, dtype=np.int64), gains, *constants[1:],
    )  # fmt: skip


def _encoder(op: Threshold) -> tuple[int, int, NDArray[np.int64], NDArray[np.int64]]:
    return op.levels, op.shift, _numbers(op.thresholds), _numbers(op.steps)


def _numbers(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _geometry(window: Window | None, source: Shape) -> tuple[int, ...]:
    """Rows and columns of kernel, stride, padding before, and output; without a window, the whole map is the one."""
    if window is None:
        return source.height, source.width, 1, 1, 0, 0, 1, 1
    size = source.height, source.width
    return *window.kernel, *window.stride, *window.before(*size), *window.output(*size)
