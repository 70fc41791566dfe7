"""The dense layer with 1-bit weights and one scale.

Source: ReBNet (arXiv:1711.01243), section III-A: weights are gamma_w * sign(latent), one trainable gamma_w
per layer. Latent weights, their clipping and the straight-through gradient are BinaryNet's (arXiv:1602.02830).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.nn.residual import sign, straight_through_sign


class BinaryLinear(nn.Module):
    """A dense layer y = scale * (x @ sign(weight)^T) without bias.

    Forward: y_o = scale * sum_n x_n * sign(weight_{o,n}). The scale multiplies the finished sum, so that a sum
    of factors g/2^f stays exact in float32.
    Gradient: dL/dweight = dL/dsign(weight) * 1[|weight| <= 1] (straight through), dL/dscale as usual.

    Latent weights start as N(0, 1/fan_in), where Adam flips a sign within the first tens of steps rather
    than within hundreds, and only the sign matters. The scale starts at 1/sqrt(fan_in), so inputs of
    unit variance give outputs of unit variance; it stays positive because its logarithm is trained.

    Shapes: x is N x in_features, y is N x out_features, weight is out_features x in_features.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / math.sqrt(in_features))
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(in_features)))

    @property
    def binary_weight(self) -> Tensor:
        """The +1 and -1 that the hardware stores, shape out_features x in_features, without gradient."""
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
        """Return y, N x out_features."""
        return self.scale * functional.linear(x, straight_through_sign(self.weight))

    def extra_repr(self) -> str:
        """Inputs, outputs and the scale in use."""
        return f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale.item():.4g}"
