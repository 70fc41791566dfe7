"""An exported network on real numbers, in single precision: the float side of float against integer."""

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.reference import check_images
from rebnet.errors import OptionError
from rebnet.ir.ops import BatchNorm, Dense, Network, ResidualSign
from rebnet.spec.pixels import pixel_values
from rebnet.spec.residual import decode, encode

_BATCH = 1000


def run_real(network: Network, images: NDArray[np.uint8], levels: int | None = None) -> NDArray[np.float32]:
    """Real class outputs of every image, as PyTorch computes them in fp32 up to rounding.

    Args:
        network: an exported network, not lowered.
        images: uint8 of shape (N, height, width, channels).
        levels: how many levels of each residual sign to use; all if None.

    Returns:
        Outputs of shape (N, classes).

    Raises:
        OptionError: the network has not so many levels, or is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    if levels is not None and not 1 <= levels <= network.levels:
        raise OptionError(f"levels={levels}: this network has {network.levels}; choose 1 to {network.levels}")
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    none = np.zeros((0, network.classes), dtype=np.float32)
    return np.concatenate([none, *(_run_batch(network, batch.reshape(len(batch), -1), levels) for batch in batches)])


def _run_batch(network: Network, samples: NDArray[np.uint8], levels: int | None) -> NDArray[np.float32]:
    x = pixel_values(samples, network.input.bits).astype(np.float32)
    for op in network.ops:
        match op:
            case Dense():
                weights = np.where(op.weights.bits, op.scale, -op.scale).astype(np.float32)
                x = x @ weights.T
            case BatchNorm():
                slope = (op.weight / np.sqrt(op.variance + op.epsilon)).astype(np.float32)
                x = (x - op.mean.astype(np.float32)) * slope + op.bias.astype(np.float32)
            case ResidualSign():
                gammas = op.gammas[:levels]
                x = decode(encode(x, gammas), gammas).astype(np.float32)
            case _:
                raise OptionError(
                    f"{type(op).__name__} is not a real operation; run the exported network, not the lowered one"
                )
    return x
