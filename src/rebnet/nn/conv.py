"""The convolution with 1-bit weights and one scale: a binary dense layer over every window of a map.

Source: ReBNet (arXiv:1711.01243), section III-A; weights, scale and gradient are those of `rebnet.nn.linear`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.nn.linear import BinaryLinear
from rebnet.nn.residual import sign, straight_through_sign
from rebnet.spec.window import Window


class BinaryConv2d(nn.Module):
    """An unpadded convolution y = scale * (x * sign(weight)) without bias; K x K windows that move by `stride`.

    Forward: y_o = scale * sum_{c,i,j} x_{c,i,j} * sign(weight_{o,c,i,j}) in every window. The scale multiplies the
    finished sum, so that a sum of factors g/2^f stays exact in float32.
    Gradient: dL/dweight = dL/dsign(weight) * 1[|weight| <= 1] (straight through), dL/dscale as usual.

    Latent weights start as N(0, 1/fan_in) and the scale as 1/sqrt(fan_in), as in `BinaryLinear`; fan_in = C*K*K.
    A map is padded before it is binarized: `rebnet.nn.window.PadLowest`.

    Shapes: x is N x in_channels x H x W, y is N x out_channels x H' x W' with H' = (H - K)//stride + 1, weight is
    out_channels x in_channels x K x K.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.window = Window(kernel, stride)
        fan_in = in_channels * kernel**2
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel) / math.sqrt(fan_in))
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(fan_in)))

    @property
    def binary_weight(self) -> Tensor:
        """The +1 and -1 that the hardware stores, in the shape of `weight`, without gradient."""
        return sign(self.weight.detach())

    @property
    def scale(self) -> Tensor:
        """gamma_w, a positive scalar."""
        return self.log_scale.exp()

    def clip_latent_(self) -> None:
        """Clamp the latent weights to [-1, 1], so that none drifts too far to flip; call after each step."""
        with torch.no_grad():
            self.weight.clamp_(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return y, N x out_channels x H' x W'."""
        return self.scale * functional.conv2d(x, straight_through_sign(self.weight), stride=self.window.stride)

    def extra_repr(self) -> str:
        """Channels, window and the scale in use."""
        return f"{self.in_channels}, {self.out_channels}, {self.window}, scale={self.scale.item():.4g}"


BinaryLayer = BinaryLinear | BinaryConv2d
"""A layer with 1-bit weights; one row of its weight matrix is `weight[o].flatten()`."""
