"""From a network text to a trainable module."""

from collections import OrderedDict

from torch import nn

from rebnet.ir.notation import Architecture
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import Gradient, ResidualSign, check_levels


def build(architecture: Architecture, levels: int, input_bits: int = 8, gradient: Gradient = "chain") -> nn.Sequential:
    """Build the float network that `architecture` describes.

    The modules, in order: `pixels` (PixelInput), then per hidden layer i, counted from 1, `linear<i>`
    (BinaryLinear), `norm<i>` (BatchNorm1d) and `sign<i>` (ResidualSign), and at the end one more `linear<i>`
    and `norm<i>`, whose outputs are the class scores.

    Args:
        architecture: The network; its folding plays no part here.
        levels: Residual levels M of every hidden activation, 1 to 8.
        input_bits: Bits kept of each pixel, 1 to 8.
        gradient: Gradient of the residual signs, see `rebnet.nn.residual`.

    Returns:
        A module from uint8 images, N x H x W x C, to scores, N x classes.

    Raises:
        OptionError: `levels`, `input_bits` or `gradient` is outside its range.
    """
    check_levels(levels)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    modules["pixels"] = PixelInput(architecture.height, architecture.width, architecture.channels, input_bits)
    for index, layer in enumerate(architecture.layers):
        number = index + 1
        modules[f"linear{number}"] = BinaryLinear(architecture.inputs_of(index), layer.rows)
        modules[f"norm{number}"] = nn.BatchNorm1d(layer.rows)
        if number < len(architecture.layers):
            modules[f"sign{number}"] = ResidualSign(levels, gradient)
    return nn.Sequential(modules)
