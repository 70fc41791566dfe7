"""The engine in C++: a lowered network, packed once for the processor's instruction set.

Built with the package where a C++ compiler was there (`src/rebnet/engine/native`); `rebnet.engine.packed` does the
same in numpy where it was not. Scores equal the reference engine's.
"""

import importlib
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import OptionError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, Scores, Threshold
from rebnet.ir.values import Code, Shape


def _load() -> Any:
    try:
        return importlib.import_module("rebnet.engine._native")
    except ImportError:
        return None


_native: Any = _load()
_NONE = np.zeros((0, 0), dtype=np.int64)


def instruction_sets() -> list[str]:
    """The instruction sets of this build that this processor has, the fastest first; none without the engine."""
    return [] if _native is None else list(_native.instruction_sets())


class NativeEngine:
    """A lowered network, packed for one of `instruction_sets()`; `Predictor` is its face.

    Raises:
        OptionError: the network is not lowered.
    """

    def __init__(self, network: Network, threads: int, instruction_set: str) -> None:
        self._samples, self._classes = network.input.samples, network.classes
        self._engine: Any = _native.Engine(_builder(network), threads, instruction_set)

    def run(self, images: NDArray[np.uint8], index: int, indices: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
        """Scores of images that fit, shape (N, classes), with the constants of set `index` or of one set per image."""
        flat = images.reshape(len(images), self._samples)
        if flat.strides[1] != 1:
            flat = np.ascontiguousarray(flat)
        scores = np.empty((len(images), self._classes), dtype=np.int64)
        self._engine.run(flat, index, indices, scores)
        return scores


def _builder(network: Network) -> Any:
    """The network, handed over layer by layer."""
    image = network.input
    builder = _native.Builder(image.height, image.width, image.channels, image.bits, len(network.served))
    for node in network.nodes:
        match node.op:
            case Dense():
                _layer(builder, network, cast("Node[Dense]", node))
            case MaxPool(window=window):
                builder.pool(window.kernel, window.stride)
            case Threshold() | Scores():  # handed over with their layers
                pass
            case _:
                raise OptionError(f"{type(node.op).__name__}: lower the network before running it")
    return builder


def _layer(builder: Any, network: Network, layer: Node[Dense]) -> None:
    """A layer with weights and the threshold or the scores that read it."""
    op, codes = layer.op, network.read(layer)
    tail = next((user.op for user in network.users[layer.name]), None)
    if op.gains is None or not isinstance(codes, Code) or not isinstance(tail, Threshold | Scores):
        raise OptionError(f"{network.name}: lower the network before running it")
    window = _window(op, codes.shape, network.values[layer.name].shape)
    gains = np.array([row[: codes.planes] for row in op.gains], dtype=np.int64)
    encoder = tail if isinstance(tail, Threshold) else Threshold(_NONE, _NONE)
    builder.layer(
        *window, op.weights.rows, encoder.steps.shape[-1] + 1 if encoder is tail else 0, encoder.shift,
        np.ascontiguousarray(op.weights.packed), gains,
        np.ascontiguousarray(encoder.thresholds, dtype=np.int64), np.ascontiguousarray(encoder.steps, dtype=np.int64),
    )  # fmt: skip
    if isinstance(tail, Scores):
        builder.scores(
            np.ascontiguousarray(tail.scale, dtype=np.int64),
            np.ascontiguousarray(tail.bias, dtype=np.int64),
            np.array(op.reaches, dtype=np.int64),
        )


def _window(op: Dense, source: Shape, result: Shape) -> tuple[int, int, int, int, int, int, int]:
    """Kernel, stride, padding before, and output of a layer over a map; a dense layer's one window is all of it."""
    if not isinstance(op, Conv):
        return source.height, source.width, 1, 0, 0, 1, 1
    (top, _), (left, _) = op.window.padding(source.height), op.window.padding(source.width)
    return op.window.kernel, op.window.kernel, op.window.stride, top, left, result.height, result.width
