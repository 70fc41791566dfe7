"""An exported network on real numbers, in single precision: the float side of float against integer."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.reference import batch_size, check_images
from rebnet.errors import OptionError
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, Network, ResidualSign
from rebnet.spec.pixels import pixel_values
from rebnet.spec.residual import decode, encode
from rebnet.spec.window import Window

Factors = NDArray[np.float32]
"""What a residual sign multiplied its signs with, of shape (images, levels)."""


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


def run_online(
    network: Network, images: NDArray[np.uint8], fit_images: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.float32], list[Factors]]:
    """The same at M levels with factors that every image computes for itself: γ_i = mean |r_i| over its map.

    That is the factor with the least squared error, for one level XNOR-Net's (arXiv:1603.05279, section 3.2).

    Args:
        network: an exported network, not lowered.
        images: uint8 of shape (N, height, width, channels).
        fit_images: the same; BatchNorms take means and variances from as many of these as fit a batch, at most 1000.
            Without them they keep those of training, which are of other factors.

    Returns:
        Outputs of shape (N, classes), and the factors of each residual sign, each of shape (N, M).

    Raises:
        OptionError: the network is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    size = batch_size(network)
    norms: list[BatchNorm] = []
    if fit_images is not None:
        check_images(network, fit_images)
        _run_batch(network, fit_images[:size], network.levels, _Online(norms, fits=True))
    outputs = [np.zeros((0, network.classes), dtype=np.float32)]
    batches: list[list[Factors]] = []
    for start in range(0, len(images), size):
        online = _Online(list(norms))
        outputs.append(_run_batch(network, images[start : start + size], network.levels, online))
        batches.append(online.factors)
    return np.concatenate(outputs), [np.concatenate(of_sign) for of_sign in zip(*batches, strict=True)]


@dataclass
class _Online:
    """What a batch with factors of its images' own needs and leaves behind.

    Attributes:
        norms: BatchNorms to use in their order, none for the network's; or where those that `fits` are put.
        fits: whether BatchNorms take their means and variances from the batch.
        factors: of each residual sign.
    """

    norms: list[BatchNorm]
    fits: bool = False
    factors: list[Factors] = field(default_factory=list)

    def norm(self, norm: BatchNorm, x: NDArray[np.float32]) -> BatchNorm:
        """The BatchNorm in place of `norm` in front of these values."""
        if not self.fits:
            return self.norms.pop(0) if self.norms else norm
        flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
        fitted = replace(norm, mean=flat.mean(axis=0), variance=flat.var(axis=0))
        self.norms.append(fitted)
        return fitted


def _run_batch(
    network: Network, images: NDArray[np.uint8], levels: int, online: _Online | None = None
) -> NDArray[np.float32]:
    """One batch; with trained factors, or those of `online`."""
    x = pixel_values(images, network.input.bits).astype(np.float32)  # (images, height, width, channels)
    lowest: float | NDArray[np.float32] = -1.0  # what pads a map: the value of the code without a bit
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
                norm = op.at(levels) if online is None else online.norm(op.at(levels), x)
                slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(np.float32)
                x = (x - norm.mean.astype(np.float32)) * slope + norm.bias.astype(np.float32)
            case ResidualSign() if online is not None:
                x, factors = _least_squares(x, levels)
                online.factors.append(factors)
                lowest = -factors.sum(axis=1).reshape(-1, 1, 1, 1)
            case ResidualSign():
                gammas = op.factors(levels)
                x = decode(encode(x, gammas), gammas).astype(np.float32)
                lowest = -sum(gammas)
            case _:
                raise OptionError(
                    f"{type(op).__name__} is not a real operation; run the exported network, not the lowered one"
                )
    return x.reshape(len(x), -1)


def _least_squares(x: NDArray[np.float32], levels: int) -> tuple[NDArray[np.float32], Factors]:
    """Residual signs with γ_i = mean |r_i| over each image, and these factors, shape (images, levels)."""
    residual, result = x, np.zeros_like(x)
    factors = []
    for _ in range(levels):
        gamma = np.abs(residual).mean(axis=(1, 2, 3), keepdims=True)
        part = np.where(residual >= 0, gamma, -gamma)
        result, residual = result + part, residual - part
        factors.append(gamma.reshape(-1))
    return result, np.stack(factors, axis=1)


def _windows(x: NDArray[np.float32], window: Window, lowest: float | NDArray[np.float32]) -> NDArray[np.float32]:
    """Every window of the maps: (images, height, width, channels) to (images, out height, out width, K·K·channels)."""
    height, width = x.shape[1:3]
    padding = ((0, 0), window.padding(height), window.padding(width), (0, 0))
    padded = np.pad(x, padding)
    if any(map(sum, padding)):
        inside = np.pad(np.ones(x.shape[1:3], dtype=np.bool_), padding[1:3])[None, :, :, None]
        padded = np.where(inside, padded, np.float32(lowest))
    view = _views(padded, window, window.output(height, width))
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(*view.shape[:3], -1)


def _pool(x: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    largest: NDArray[np.float32] = _views(x, window, window.output(*x.shape[1:3])).max(axis=(4, 5))
    return largest


def _views(x: NDArray[np.float32], window: Window, output: tuple[int, int]) -> NDArray[np.float32]:
    view = np.lib.stride_tricks.sliding_window_view(x, (window.kernel, window.kernel), axis=(1, 2))
    return view[:, :: window.stride, :: window.stride][:, : output[0], : output[1]]
