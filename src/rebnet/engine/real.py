"""An exported network on real numbers, in single precision: the float side of float against integer."""

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.reference import batch_size, check_images
from rebnet.errors import OptionError
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, Network, ResidualSign
from rebnet.spec.pixels import pixel_values
from rebnet.spec.residual import decode, encode
from rebnet.spec.window import Window


def run_real(network: Network, images: NDArray[np.uint8], levels: int | None = None) -> NDArray[np.float32]:
    """Real class outputs of every image, as PyTorch computes them in fp32 up to rounding.

    Args:
        network: an exported network, not lowered.
        images: uint8 of shape (N, height, width, channels).
        levels: levels m to run at, with the constants for m or the first m levels of each residual sign; M if None.

    Returns:
        Outputs of shape (N, classes).

    Raises:
        OptionError: the network has not so many levels, or is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    if levels is not None and not 1 <= levels <= network.levels:
        raise OptionError(f"levels={levels}: this network has {network.levels}; choose 1 to {network.levels}")
    size = batch_size(network)
    m = network.levels if levels is None else levels
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    none = np.zeros((0, network.classes), dtype=np.float32)
    return np.concatenate([none, *(_run_batch(network, batch, m) for batch in batches)])


def _run_batch(network: Network, images: NDArray[np.uint8], levels: int) -> NDArray[np.float32]:
    x = pixel_values(images, network.input.bits).astype(np.float32)  # (images, height, width, channels)
    lowest = -1.0  # what pads a map: the value of the code without a bit
    for op in network.ops:
        match op:
            case Dense():
                weights = np.where(op.weights.bits, np.float32(1), np.float32(-1))
                vectors = _windows(x, op.window, lowest) if isinstance(op, Conv) else x.reshape(len(x), 1, 1, -1)
                products = vectors.reshape(-1, vectors.shape[-1]) @ weights.T  # one product for all windows
                x = np.float32(op.scale) * products.reshape(*vectors.shape[:-1], -1)
            case MaxPool():
                x = _pool(x, op.window)
            case BatchNorm():
                norm = op.at(levels)
                slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(np.float32)
                x = (x - norm.mean.astype(np.float32)) * slope + norm.bias.astype(np.float32)
            case ResidualSign():
                gammas = op.factors(levels)
                x = decode(encode(x, gammas), gammas).astype(np.float32)
                lowest = -sum(gammas)
            case _:
                raise OptionError(
                    f"{type(op).__name__} is not a real operation; run the exported network, not the lowered one"
                )
    return x.reshape(len(x), -1)


def _windows(x: NDArray[np.float32], window: Window, lowest: float) -> NDArray[np.float32]:
    """Every window of the maps: (images, height, width, channels) to (images, out height, out width, K·K·channels)."""
    height, width = x.shape[1:3]
    padding = ((0, 0), window.padding(height), window.padding(width), (0, 0))
    view = _views(np.pad(x, padding, constant_values=lowest), window, window.output(height, width))
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(*view.shape[:3], -1)


def _pool(x: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    largest: NDArray[np.float32] = _views(x, window, window.output(*x.shape[1:3])).max(axis=(4, 5))
    return largest


def _views(x: NDArray[np.float32], window: Window, output: tuple[int, int]) -> NDArray[np.float32]:
    view = np.lib.stride_tricks.sliding_window_view(x, (window.kernel, window.kernel), axis=(1, 2))
    return view[:, :: window.stride, :: window.stride][:, : output[0], : output[1]]
