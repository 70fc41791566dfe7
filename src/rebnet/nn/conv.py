"""The convolution with 1-bit weights and one scale: a binary dense layer over every window of a map.

Source: ReBNet (arXiv:1711.01243), section III-A; weights, scale and gradient are those of `rebnet.nn.linear`.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rebnet.errors import OptionError
from rebnet.ir.architecture import ONE_BIT, Weights
from rebnet.ir.ops import Conv
from rebnet.nn.linear import BinaryLayer
from rebnet.nn.operations import Said
from rebnet.spec.groups import group_fault
from rebnet.spec.window import Pair, Window

SMALL_MAP = 16
"""An output map of at most so many places counts as small."""


class BinaryConv2d(BinaryLayer):
    """An unpadded convolution y = scale * (x * sign(weight)); windows of R x S places that move by `stride`.

    Forward: y_o = scale * sum_{c,i,j} x_{c,i,j} * sign(weight_{o,c,i,j}) in every window; fan_in = C*R*S. A map is
    padded before it is binarized: `rebnet.nn.window.PadLowest`.

    Shapes: x is N x in_channels x H x W, y is N x out_channels x H' x W' with H' = (H - R)//stride + 1, weight is
    out_channels x in_channels x R x S.

    In groups, y_o sees the channels of its group alone, as `torch.nn.Conv2d` has it: weight is out_channels x
    in_channels/groups x R x S, and fan_in = C*R*S/groups. With as many groups as channels it is depthwise (MobileNets,
    arXiv:1704.04861, section 3.1).

    Args:
        in_channels: Channels of x.
        out_channels: Channels of y.
        kernel: Rows and columns of a window, a number for both.
        stride: Rows and columns that it moves by.
        weights: What the weights are, 1 bit if nothing is said.
        groups: Groups, which divide both.

    Raises:
        OptionError: `groups` does not divide the channels, or weights in groups have more than one bit.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Pair,
        stride: int | Pair = 1,
        weights: Weights = ONE_BIT,
        groups: int = 1,
    ) -> None:
        window = Window(kernel, stride)
        fault = group_fault(in_channels, out_channels, groups, weights.planes)
        if fault is not None:
            raise OptionError(f"BinaryConv2d: {fault}")
        super().__init__(out_channels, in_channels // groups, *window.kernel, weights=weights)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.window = window
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Return y, N x out_channels x H' x W'."""
        weight = self.used_weight()
        height, width = self.window.output(*x.shape[2:])
        if self.groups == 1 and height * width <= SMALL_MAP and x.device.type == "cpu" and torch.is_grad_enabled():
            return convolve_small(x, weight, self.window.stride)
        return functional.conv2d(x, weight, stride=self.window.stride, groups=self.groups)

    def operations(self, said: Said) -> Said:
        """A convolution, and the padding in front of it: columns in the order kernel row, kernel column, channel."""
        said, window = said.maps(self), self.window
        weights = self.packed(said, lambda weight: weight.permute(0, 2, 3, 1).flatten(1))
        if said.padding is not None and said.padding.coded:
            window = said.padding.window
            if (window.kernel, window.stride) != (self.window.kernel, self.window.stride):
                raise said.error(
                    self, f"its window is {self.window}, its map was padded for {window}; make them the same"
                )
            said = replace(said, padding=None)
        return said.then(self, Conv(weights, self.unit, window=window, groups=self.groups))

    def extra_repr(self) -> str:
        """Channels, window, groups where there are several, and the scale."""
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"{self.in_channels}, {self.out_channels}, {self.window}{groups}, scale={self.scale}"


def convolve_small(x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    """`conv2d` for small output maps, with gradients that a CPU computes several times as fast.

    The weights' gradient is one matrix product over the windows, where the convolution library of a CPU takes most of
    its time for maps of few places; with a single place the whole convolution is one.

    Args:
        x: Maps, N x C x H x W.
        weight: O x C x R x S.
        stride: Rows and columns that the window moves by.

    Returns:
        Maps, N x O x H' x W'.
    """
    if x.shape[2:] == weight.shape[2:]:
        vectors, rows = (maps.permute(0, 2, 3, 1).flatten(1) for maps in (x, weight))
        return functional.linear(vectors, rows)[:, :, None, None]
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        x, weight = x.to(kind), weight.to(kind)
    product: Tensor = _SmallConvolution.apply(x, weight, stride)  # type: ignore[no-untyped-call]
    return product


class _SmallConvolution(torch.autograd.Function):
    """conv2d whose weight gradient is a matrix product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return functional.conv2d(x, weight, stride=stride)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        outputs, channels, rows, columns = weight.shape
        stride = ctx.stride
        wanted = (True, False, False)
        to_x = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, list(stride), [0, 0], [1, 1], False, [0, 0], 1, wanted
        )[0]
        places = x.permute(0, 2, 3, 1)
        windows = places.unfold(1, rows, stride[0]).unfold(2, columns, stride[1]).permute(0, 1, 2, 4, 5, 3)
        product = gradient.permute(0, 2, 3, 1).reshape(-1, outputs).t() @ windows.reshape(-1, rows * columns * channels)
        return to_x, product.reshape(outputs, rows, columns, channels).permute(0, 3, 1, 2), None
