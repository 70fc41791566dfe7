"""From a network text to a trainable module."""

from collections import OrderedDict

import torch
from torch import nn

from rebnet.ir.notation import Architecture, ConvText, DenseText, LayerText, PoolText
from rebnet.nn.any_levels import PerLevel
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLayer, BinaryLinear
from rebnet.nn.options import FLOAT_LEVELS, Estimator, Gradient, check_any_levels, check_levels
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC, MaxPool2d, PadLowest

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

    * `pixels` (PixelInput), flat where the first layer is dense;
    * per hidden dense layer `linear<i>` (BinaryLinear), `norm<i>` (BatchNorm1d) and `sign<i>` (ResidualSign);
    * per convolution `conv<i>` (BinaryConv2d), where a pool follows `pool<i>` (MaxPool2d), `norm<i>` (BatchNorm2d),
      where the convolution behind pads `pad<i+1>` (PadLowest), and `sign<i>`; a first convolution that pads has its
      `pad1` behind `pixels`;
    * `flatten` (FlattenHWC) before the first dense layer behind a convolution;
    * at the end one more `linear<i>` and `norm<i>`, whose outputs are the class scores.

    With no levels it is the float network of the same shape: real weights, and ReLU in place of every residual sign.

    Pooling stands before BatchNorm, which so centres what the residual sign sees: of the largest of four centred
    values, nineteen in twenty are positive. Hardware compares codes, which is the same as long as BatchNorm negates no
    channel behind a pool; `keep_order_` sees to that.

    Args:
        architecture: The network; its folding plays no part here.
        levels: Residual levels M of every hidden activation, 1 to 8; 0 for the float network.
        input_bits: Bits kept of each pixel, 1 to 8.
        gradient: Gradient of the residual signs, see `rebnet.nn.residual`.
        estimator: What stands in for the slope of their signs, see there.
        any_levels: Make every `norm<i>` and `sign<i>` a `PerLevel`, with a module of its own for 1 … M levels.

    Returns:
        A module from uint8 images, N x H x W x C, to scores, N x classes.

    Raises:
        OptionError: `levels`, `input_bits`, `gradient` or `estimator` is outside its range.
    """
    check_any_levels(levels, any_levels)
    if levels != FLOAT_LEVELS:
        check_levels(levels)

    def norm(kind: type[nn.BatchNorm1d | nn.BatchNorm2d], rows: int) -> nn.Module:
        return PerLevel(kind(rows) for _ in range(levels)) if any_levels else kind(rows)

    def sign() -> nn.Module:
        if levels == FLOAT_LEVELS:
            return nn.ReLU()
        signs = (ResidualSign(m, gradient, estimator) for m in range(1 if any_levels else levels, levels + 1))
        return PerLevel(signs) if any_levels else next(signs)

    layers, shapes = architecture.layers, architecture.shapes
    flat = isinstance(layers[0], DenseText)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    modules["pixels"] = PixelInput(*shapes[0], input_bits, flat)
    if isinstance(layers[0], ConvText) and layers[0].window.same:
        modules["pad1"] = PadLowest(layers[0].window, lowest=-1.0)
    number = 0
    for index, layer in enumerate(layers):
        match layer:
            case DenseText():
                number += 1
                if not flat:
                    modules["flatten"] = FlattenHWC()
                    flat = True
                modules[f"linear{number}"] = BinaryLinear(architecture.inputs_of(index), layer.rows)
                modules[f"norm{number}"] = norm(nn.BatchNorm1d, layer.rows)
            case ConvText():
                number += 1
                window = layer.window
                modules[f"conv{number}"] = BinaryConv2d(shapes[index][2], layer.rows, window.kernel, window.stride)
            case PoolText():
                modules[f"pool{number}"] = MaxPool2d(layer.window.kernel, layer.window.stride)
        following = layers[index + 1] if index + 1 < len(layers) else None
        if not isinstance(layer, DenseText) and not isinstance(following, PoolText):
            modules[f"norm{number}"] = norm(nn.BatchNorm2d, architecture.weighted[number - 1].rows)
        if following is not None:
            _binarize(modules, number, following, sign())
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


def _binarize(modules: OrderedDict[str, nn.Module], number: int, following: LayerText, residual: nn.Module) -> None:
    """Add the residual sign behind layer `number`, padded for the layer that follows; a pool comes first."""
    if isinstance(following, PoolText):
        return
    if isinstance(following, ConvText) and following.window.same:
        modules[f"pad{number + 1}"] = PadLowest(following.window)
    modules[f"sign{number}"] = residual
