"""From a network text to a trainable module."""

import math
from collections import OrderedDict

import torch
from torch import nn

from rebnet.ir.notation import Architecture, ConvText, DenseText, PoolText
from rebnet.nn.any_levels import PerLevel
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLayer, BinaryLinear
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.options import FLOAT_LEVELS, Estimator, Gradient, check_any_levels, check_levels
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC, MaxPool2d, PadLowest
from rebnet.spec.window import Window

LEAST_WEIGHT = 2.0**-10
"""BatchNorm's weights are at least this, see `keep_order_`."""


def build(
    architecture: Architecture,
    levels: int,
    input_bits: int = 8,
    gradient: Gradient = "chain",
    estimator: Estimator = "clip",
    any_levels: bool = False,
) -> nn.Sequential:
    """Build the float network that `architecture` describes.

    The modules, in order; i counts the layers with weights from 1:

    * `pixels` (PixelInput), flat where the first layer is dense, and `pad1` (PadLowest) where it is a convolution that
      pads;
    * per layer `linear<i>` (BinaryLinear) or `conv<i>` (BinaryConv2d), where a pool follows `pool<i>` (MaxPool2d), and
      `norm<i>` (NormSign): BatchNorm, the residual sign, and between them the padding for a convolution behind that
      pads. The outputs of the last `norm<i>`, which has no residual sign, are the class scores;
    * `flatten` (FlattenHWC) before the first dense layer behind a convolution.

    With no levels it is the float network of the same shape: real weights, and `sign<i>`, a ReLU, in place of every
    residual sign.

    Pooling stands before BatchNorm, which so centres what the residual sign sees: of the largest of four centred
    values, nineteen in twenty are positive. Hardware compares codes, which is the same as long as BatchNorm negates no
    channel behind a pool; `keep_order_` sees to that.

    Args:
        architecture: The network; its folding plays no part here.
        levels: Residual levels M of every hidden activation, 1 to 8; 0 for the float network.
        input_bits: Bits kept of each pixel, 1 to 8.
        gradient: Gradient of the residual signs, see `rebnet.nn.residual`.
        estimator: What stands in for the slope of their signs, see there.
        any_levels: Make every `norm<i>` a `PerLevel`, with a module of its own for 1 … M levels.

    Returns:
        A module from uint8 images, N x H x W x C, to scores, N x classes.

    Raises:
        OptionError: `levels`, `input_bits`, `gradient` or `estimator` is outside its range.
    """
    check_any_levels(levels, any_levels)
    if levels != FLOAT_LEVELS:
        check_levels(levels)

    modules: OrderedDict[str, nn.Module] = OrderedDict()
    kind: type[nn.BatchNorm1d | nn.BatchNorm2d] = nn.BatchNorm1d
    number, rows = 0, 0  # of the layer that waits for its BatchNorm

    def close(window: Window | None, last: bool = False) -> None:
        """Put what stands behind layer `number` in front of a layer with such a window, or behind the last."""
        pad = PadLowest(window, -math.inf if number else -1.0) if window is not None and window.same else None
        binarized = bool(number) and not last and levels != FLOAT_LEVELS
        if number:

            def norm_sign(m: int) -> NormSign:
                return NormSign(kind(rows), *((ResidualSign(m, gradient, estimator), pad) if binarized else ()))

            each = range(1, levels + 1)
            modules[f"norm{number}"] = PerLevel(map(norm_sign, each)) if any_levels else norm_sign(levels)
        if pad is not None and not binarized:
            modules[f"pad{number + 1}"] = pad
        if number and not last and not binarized:
            modules[f"sign{number}"] = nn.ReLU()

    flat = isinstance(architecture.layers[0], DenseText)
    modules["pixels"] = PixelInput(*architecture.shapes[0], input_bits, flat)
    for layer, shape in zip(architecture.layers, architecture.shapes, strict=False):
        match layer:
            case DenseText():
                close(None)
                number, rows, kind = number + 1, layer.rows, nn.BatchNorm1d
                if not flat:
                    modules["flatten"], flat = FlattenHWC(), True
                modules[f"linear{number}"] = BinaryLinear(shape.elements, rows)
            case ConvText(window=window):
                close(window)
                number, rows, kind = number + 1, layer.rows, nn.BatchNorm2d
                modules[f"conv{number}"] = BinaryConv2d(shape.channels, rows, window.kernel, window.stride)
            case PoolText(window=window):
                modules[f"pool{number}"] = MaxPool2d(window.kernel, window.stride)
    close(None, last=True)
    model = nn.Sequential(modules)
    use_real_weights(model, levels == FLOAT_LEVELS)
    return model


def use_real_weights(model: nn.Module, real: bool) -> None:
    """Let the layers multiply with their latent weights (binary activations only), or with their signs."""
    for module in model.modules():
        if isinstance(module, BinaryLayer):
            module.real = real


@torch.no_grad()
def keep_order_(model: nn.Module) -> None:
    """Keep every BatchNorm's weights positive, so that it negates no channel; call after each step.

    Nothing is lost: a layer negates a channel by negating its 1-bit weights. The BatchNorms of an any-level network
    share these weights, so that none may negate a channel that another does not.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.weight is not None:
            module.weight.clamp_(min=LEAST_WEIGHT)
