"""The dense layer with 1-bit weights and one scale.

Source: ReBNet (arXiv:1711.01243), section III-A: weights are gamma_w * sign(latent), one gamma_w per layer. Latent
weights, their clipping and the straight-through gradient are BinaryNet's (arXiv:1602.02830).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir.ops import BitMatrix, Dense
from rebnet.nn.operations import Said
from rebnet.nn.residual import sign, straight_through_sign


def unit_scale(fan_in: int) -> float:
    """gamma_w of a layer with `fan_in` inputs: the power of two nearest to 1/sqrt(fan_in), in the logarithm.

    Inputs of about unit variance give outputs of about unit variance, and a power of two rounds nothing: a sum of
    factors g/2^f stays exact in float32. It does not train. BatchNorm stands behind every layer and cancels any
    factor, so the gradient of a trained one would be zero but for BatchNorm's epsilon.
    """
    return 2.0 ** round(-0.5 * math.log2(fan_in))


class BinaryLayer(nn.Module):
    """A layer without bias whose weights are scale * sign(weight), one row of `weight` per output.

    Latent weights start as N(0, 1/fan_in), where Adam flips a sign within the first tens of steps rather
    than within hundreds, and only the sign matters. Gradient: dL/dweight = dL/dsign(weight) * 1[|weight| <= 1]
    (straight through).

    Attributes:
        weight: Latent weights, one row per output.
        scale: gamma_w, see `unit_scale`.
        real: Multiply with the latent weights themselves, for a training that begins with real weights.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        fan_in = math.prod(shape[1:])
        self.scale = unit_scale(fan_in)
        self.real = False
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(fan_in))

    @property
    def binary_weight(self) -> Tensor:
        """The +1 and -1 that the hardware stores, in the shape of `weight`, without gradient."""
        return sign(self.weight.detach())

    def used_weight(self) -> Tensor:
        """What the layer multiplies with, in the shape of `weight`."""
        return self.weight if self.real else self.scale * straight_through_sign(self.weight)

    def packed(self, said: Said, rows: Tensor) -> BitMatrix:
        """The weights `rows`, one row an output, as hardware holds them.

        Raises:
            OptionError: The layer multiplies with its latent weights.
        """
        if self.real:
            raise said.error(
                self,
                "multiplies with its latent weights, which hardware does not hold; call "
                "rebnet.nn.build.use_real_weights(model, False) and train on",
            )
        return BitMatrix.pack((rows > 0).cpu().numpy())

    def clip_latent_(self, bound: float = 1.0) -> None:
        """Clamp the latent weights to [-bound, bound], so that none drifts too far to flip; call after each step."""
        with torch.no_grad():
            self.weight.clamp_(-bound, bound)


class BinaryLinear(BinaryLayer):
    """A dense layer y = scale * (x @ sign(weight)^T): y_o = scale * sum_n x_n * sign(weight_{o,n}).

    Shapes: x is N x in_features, y is N x out_features, weight is out_features x in_features.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(out_features, in_features)
        self.in_features = in_features
        self.out_features = out_features

    def forward(self, x: Tensor) -> Tensor:
        """Return y, N x out_features."""
        return functional.linear(x, self.used_weight())

    def operations(self, said: Said) -> Said:
        """A dense layer."""
        return said.vectors(self).then(self, Dense(self.packed(said, self.binary_weight), self.scale))

    def extra_repr(self) -> str:
        """Inputs, outputs and the scale."""
        return f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}"
