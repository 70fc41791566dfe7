"""An exported network on real numbers with factors that every image computes for itself, in single precision."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.maps import padded, pool, windows
from rebnet.engine.reference import batch_size, check_images
from rebnet.engine.values import Values
from rebnet.errors import OptionError
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, ResidualSign
from rebnet.spec.groups import split_groups
from rebnet.spec.pixels import pixel_values

Factors = NDArray[np.float32]
"""What a residual sign multiplied its signs with, of shape (images, levels)."""


def run_online(
    network: Network, images: NDArray[np.uint8], fit_images: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.float32], dict[str, Factors]]:
    """Real class outputs of every image at M levels, with factors of its own: γ_i = mean |r_i| over its map.

    That is the factor with the least squared error, for one level XNOR-Net's (arXiv:1603.05279, section 3.2).

    Args:
        network: an exported network, not lowered.
        images: uint8 of shape (N, height, width, channels).
        fit_images: the same; BatchNorms take means and variances from as many of these as fit a batch, at most 1000.
            Without them they keep those of training, which are of other factors.

    Returns:
        Outputs in the shape of `rebnet.engine.real.run_real`, and the factors of each residual sign, each of shape
        (N, M), by the name of the layer that it stands behind.

    Raises:
        OptionError: the network is lowered.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    size = batch_size(network)
    norms = {node.name: node.op.at(network.levels) for node in network.nodes if isinstance(node.op, BatchNorm)}
    if fit_images is not None:
        check_images(network, fit_images)
        _run_batch(network, fit_images[:size], norms, fit=True)
    outputs = [np.zeros((0, *network.scores_shape), dtype=np.float32)]
    batches: list[dict[str, Factors]] = []
    for start in range(0, len(images), size):
        output, factors = _run_batch(network, images[start : start + size], norms)
        outputs.append(output)
        batches.append(factors)
    names = batches[0] if batches else ()
    return np.concatenate(outputs), {name: np.concatenate([own[name] for own in batches]) for name in names}


def _run_batch(
    network: Network, images: NDArray[np.uint8], norms: dict[str, BatchNorm], fit: bool = False
) -> tuple[NDArray[np.float32], dict[str, Factors]]:
    """Outputs and factors of one batch; `fit` gives `norms` the means and variances of its values."""
    factors: dict[str, Factors] = {}
    # maps, (images, height, width, channels), and what pads each: the value of the code without a bit
    values = Values[tuple[NDArray[np.float32], float | NDArray[np.float32]]](
        network, (pixel_values(network.input.taken(images), network.input.bits).astype(np.float32), -1.0)
    )
    for node in network.nodes:
        x, lowest = values.read(node)
        match node.op:
            case Dense() as op:
                weights = op.weights.values.astype(np.float32)
                window = op.window if isinstance(op, Conv) else None
                vectors = x.reshape(len(x), 1, 1, -1) if window is None else windows(padded(x, window, lowest), window)
                flat = vectors.reshape(-1, vectors.shape[-1])
                cut = flat[None] if window is None else split_groups(flat, window.area, op.group_count)
                rows = weights.reshape(len(cut), -1, weights.shape[1])
                products = np.moveaxis(cut @ rows.transpose(0, 2, 1), 0, 1)  # one product for all windows of a group
                x = (np.float32(op.scale) * products.reshape(*vectors.shape[:3], -1)).astype(np.float32)
            case MaxPool(window=window):
                x = pool(x, window)
            case BatchNorm():
                if fit:
                    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
                    fitted = {"mean": flat.mean(axis=0), "variance": flat.var(axis=0)}
                    norms[node.name] = replace(norms[node.name], **fitted)
                norm = norms[node.name]
                slope = (norm.weight / np.sqrt(norm.variance + norm.epsilon)).astype(np.float32)
                x = (x - norm.mean.astype(np.float32)) * slope + norm.bias.astype(np.float32)
            case ResidualSign():
                x, own = _least_squares(x, network.levels)
                lowest = -own.sum(axis=1).reshape(-1, 1, 1, 1)
                layer = network.layer_of(node)
                assert layer is not None
                factors[layer.name] = own
            case op:
                raise OptionError(
                    f"{type(op).__name__} is not a real operation; run the exported network, not the lowered one"
                )
        values[node.name] = x, lowest
    outputs, _ = values[network.answers[0].name]
    return outputs.reshape(len(outputs), *network.scores_shape), factors


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
