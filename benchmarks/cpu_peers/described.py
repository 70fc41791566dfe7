"""A network as plain arrays, from which every library's own form is made.

Two kinds. `function` is the integer network that rebnet's engine computes, written in floats: sign weights, and
residual signs as a graph. All its numbers are integers below 2^24, so it is exact in single precision: scores are the
engine's up to the rounding of the last multiplication. `relu` is a network of the same shape with real weights, ReLU,
and BatchNorms folded away: what the libraries are made for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.network import Network
from rebnet.ir.ops import Conv, Dense, MaxPool, Scores, Threshold

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Code:
    """Residual signs of an odd integer r per row: s_i = sign(r); r -= steps_i·s_i; the value is Σ gains_i·s_i.

    Attributes:
        gains: g_1 … g_M.
        steps: 2·δ_1 … 2·δ_(M-1), shape (M - 1, rows).
    """

    gains: tuple[float, ...]
    steps: Floats


@dataclass(frozen=True)
class Layer:
    """A layer with weights and what follows it: a max-pool, then ReLU or a code; the last one has neither.

    Attributes:
        weights: (rows, channels, K, K) of a convolution with stride 1 and no padding, (rows, columns) of a dense layer.
        bias: (rows,).
        pool: kernel and stride.
        code: the residual sign; None for ReLU, or for nothing behind the last layer.
    """

    weights: Floats
    bias: Floats
    pool: tuple[int, int] | None = None
    code: Code | None = None

    @property
    def is_conv(self) -> bool:
        """Whether it is a convolution."""
        return self.weights.ndim == 4

    @property
    def per_row(self) -> tuple[int, ...]:
        """The shape in which a value per row is added to this layer's output."""
        return (1, -1, 1, 1) if self.is_conv else (1, -1)


@dataclass(frozen=True)
class Described:
    """A network: its image's height, width and channels, its layers, and what turns pixels into its input.

    An input value is `slope`·pixel + `offset`.
    """

    name: str
    shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    slope: float
    offset: float

    def arranged(self, images: Bytes) -> Bytes:
        """Images as N x channels x height x width, or as N vectors where the first layer is dense."""
        flat = images.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(flat if self.layers[0].is_conv else flat.reshape(len(images), -1))

    def values(self, images: Bytes) -> Floats:
        """Pixels as the network's input values, in float32; same shape."""
        return np.float32(self.slope) * images.astype(np.float32) + np.float32(self.offset)


@dataclass(frozen=True)
class _Stage:
    """A layer of a lowered network, its weights as +1 and -1 in the order of `Layer`, and what stands behind it."""

    op: Dense
    signs: Floats
    places: int
    following: Threshold | Scores
    pool: tuple[int, int] | None


def _stages(network: Network) -> list[_Stage]:
    """The layers of a lowered network."""
    found = []
    for layer in network.layers:
        op, shape, positions = layer.op, network.read(layer).shape, network.values[layer.name].shape.positions
        (tail,) = network.users[layer.name]
        assert isinstance(tail.op, Threshold | Scores)
        pools = [user.op.window for user in network.users[tail.name] if isinstance(user.op, MaxPool)]
        signs = np.where(op.weights.bits, np.float32(1), np.float32(-1))
        if isinstance(op, Conv):
            window = op.window
            if window.padded or window.stride != (1, 1):
                raise ValueError(f"{network.name}, {layer.name}: window {window}; the graphs are written for stride 1")
            signs = signs.reshape(-1, *window.kernel, shape[2]).transpose(0, 3, 1, 2)
        else:
            signs = signs.reshape(-1, *shape).transpose(0, 3, 1, 2).reshape(op.weights.rows, -1)
        pool = (pools[0].kernel[0], pools[0].stride[0]) if pools else None
        found.append(_Stage(op, np.ascontiguousarray(signs), positions, tail.op, pool))
    return found


def operations(network: Network) -> int:
    """Operations of an image: two, a multiplication and an addition, for each weight and place."""
    return sum(2 * stage.places * stage.signs.size for stage in _stages(network))


def function(network: Network) -> Described:
    """The lowered network at all its levels.

    With v = 2A - R the signed value of an accumulator, 2·(2^s·A - t) + 1 = 2^s·(v + R) - 2t + 1 is odd, and has the
    sign that the law gives 2^s·A - t, zero included; so has every residual behind it. So weights are ±2^s.
    """
    if network.input.bits != 8:
        raise ValueError(f"{network.name}: takes {network.input.bits} bits of a pixel; the graphs are written for 8")
    index = network.served.index(network.levels)
    stages = _stages(network)
    layers = []
    for position, stage in enumerate(stages):
        following = stage.following
        if isinstance(following, Scores):
            scale, bias = following.scale[index].astype(np.float32), following.bias[index].astype(np.float32)
            layers.append(Layer(stage.signs * scale[:, None], bias))
            continue
        unit = 1 << following.shift
        bias = unit * stage.op.reaches[index] - 2 * following.thresholds[index] + 1
        gains = stages[position + 1].op.gains
        assert gains is not None
        steps = np.ascontiguousarray(2 * following.steps[index].T, dtype=np.float32)
        code = Code(tuple(map(float, gains[index][: network.levels])), steps)
        layers.append(Layer(unit * stage.signs, bias.astype(np.float32), stage.pool, code))
    return Described(f"{network.name}, M={network.levels}", _shape(network), tuple(layers), 2.0, -255.0)


def relu(network: Network, seed: int = 0) -> Described:
    """A ReLU network of the same shape with random weights; its input is the pixels from 0 to 1."""
    random = np.random.default_rng(seed)
    layers = []
    for stage in _stages(network):
        shape = stage.signs.shape
        spread = np.float32(np.sqrt(2 * shape[0] / stage.signs.size))
        weights = spread * random.standard_normal(shape, dtype=np.float32)
        bias = random.standard_normal((shape[0],), dtype=np.float32) / 10
        layers.append(Layer(weights, bias.astype(np.float32), stage.pool))
    return Described(f"{network.name}, ReLU", _shape(network), tuple(layers), 1 / 255, 0.0)


def layer_outputs(described: Described, x: Floats) -> list[Floats]:
    """What every layer of a ReLU network gives for inputs as `arranged` orders them, slowly."""
    outputs = []
    for layer in described.layers:
        if layer.is_conv:
            size = layer.weights.shape[-1]
            windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
            columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, layer.weights[0].size)
            product = columns @ layer.weights.reshape(len(layer.weights), -1).T
            x = product.reshape(len(x), *windows.shape[2:4], -1).transpose(0, 3, 1, 2)
        else:
            x = x.reshape(len(x), -1) @ layer.weights.T
        x = x + layer.bias.reshape(layer.per_row)
        if layer is not described.layers[-1]:
            x = np.maximum(x, 0)
        if layer.pool is not None:
            size, stride = layer.pool
            x = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
            x = x.max(axis=(4, 5))
        outputs.append(x)
    return outputs


def _shape(network: Network) -> tuple[int, int, int]:
    return network.input.height, network.input.width, network.input.channels
