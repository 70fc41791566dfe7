"""An exported network on real numbers with factors that every image computes for itself, in single precision."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.maps import padded, pool, windows
from rebnet.engine.reference import batch_size, check_images
from rebnet.errors import OptionError
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, ResidualSign
from rebnet.spec.pixels import pixel_values

Factors = NDArray[np.float32]
"""What a residual sign multiplied its signs with, of shape (images, levels)."""


def run_online(
    network: Network, images: NDArray[np.uint8], fit_images: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.float32], list[Factors]]:
    """Real class outputs of every image at M levels, with factors of its own: γ_i = mean |r_i| over its map.

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
        _run_batch(network, fit_images[:size], _Online(norms, fits=True))
    outputs = [np.zeros((0, network.classes), dtype=np.float32)]
    batches: list[list[Factors]] = []
    for start in range(0, len(images), size):
        online = _Online(list(norms))
        outputs.append(_run_batch(network, images[start : start + size], online))
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


def _run_batch(network: Network, images: NDArray[np.uint8], online: _Online) -> NDArray[np.float32]:
    """One batch."""
    x = pixel_values(images, network.input.bits).astype(np.float32)  # (images, height, width, channels)
    lowest: float | NDArray[np.float32] = -1.0  # what pads a map: the value of the code without a bit
    for op in network.ops:
        match op:
            case Dense():
                weights = np.where(op.weights.bits, np.float32(1), np.float32(-1))
                window = op.window if isinstance(op, Conv) else None
                vectors = x.reshape(len(x), 1, 1, -1) if window is None else windows(padded(x, window, lowest), window)
                products = vectors.reshape(-1, weights.shape[1]) @ weights.T  # one product for all windows
                x = np.float32(op.scale) * products.reshape(*vectors.shape[:3], -1)
            case MaxPool():
                x = pool(x, op.window)
            case BatchNorm():
                norm = online.norm(op.at(network.levels), x)
                slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(np.float32)
                x = (x - norm.mean.astype(np.float32)) * slope + norm.bias.astype(np.float32)
            case ResidualSign():
                x, factors = _least_squares(x, network.levels)
                online.factors.append(factors)
                lowest = -factors.sum(axis=1).reshape(-1, 1, 1, 1)
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
