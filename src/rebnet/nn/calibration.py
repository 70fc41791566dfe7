"""The last two steps of training: factors that hardware can hold, then statistics that fit them.

Without them, rounding the factors at export moves 2 to 4 % of the labels; with them only thresholds are rounded.
"""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rebnet.nn.linear import BinaryLinear
from rebnet.nn.residual import ResidualSign
from rebnet.spec.gains import choose_gains


def snap_gains(model: nn.Sequential, gain_bits: int = 8, threshold_bits: int = 24) -> None:
    """Set the factors of every `ResidualSign` of two or more levels to g_i / 2^f, with integers g_i.

    The integers are the hardware's gains, chosen by `rebnet.spec.gains.choose_gains` for the layer that
    consumes the codes. One level needs no gain. Follow with `recalibrate`.

    Args:
        model: A network of `rebnet.nn.build`.
        gain_bits: Width of the sum of the gains.
        threshold_bits: Width of the thresholds, T.
    """
    signs = [module for module in model if isinstance(module, ResidualSign)]
    consumers = [module for module in model if isinstance(module, BinaryLinear)][1:]
    for residual, consumer in zip(signs, consumers, strict=True):
        if residual.levels == 1:
            continue
        factors = residual.gammas.detach().double().tolist()
        gains, fraction_bits = choose_gains(factors, consumer.in_features, residual.levels, gain_bits, threshold_bits)
        residual.set_gammas([gain / 2**fraction_bits for gain in gains])


def recalibrate(model: nn.Sequential, images: Tensor | NDArray[Any], batch_size: int = 1000) -> None:
    """Replace the statistics of every BatchNorm by those of `images`; leave the model in eval mode.

    Layer after layer, so that each one sees the final statistics of those before it. Mean and variance are the
    population's (variance over n, not n - 1, as BatchNorm itself normalises a batch), summed in float64.

    Args:
        model: A network of `rebnet.nn.build`.
        images: uint8, N x H x W x C, from the training set.
        batch_size: Images held in float at a time.
    """
    batches = torch.split(torch.as_tensor(images), batch_size)
    model.eval()
    for index, module in enumerate(model):
        if isinstance(module, nn.BatchNorm1d):
            mean, variance = _statistics(nn.Sequential(*list(model)[:index]), batches)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.copy_(mean)
            module.running_var.copy_(variance)


@torch.no_grad()
def _statistics(prefix: nn.Sequential, batches: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Mean and population variance per channel of what `prefix` makes of all images, in two passes."""
    count = sum(len(batch) for batch in batches)
    mean = torch.stack([prefix(batch).double().sum(0) for batch in batches]).sum(0) / count
    squares = torch.stack([(prefix(batch).double() - mean).square().sum(0) for batch in batches]).sum(0)
    return mean, squares / count
