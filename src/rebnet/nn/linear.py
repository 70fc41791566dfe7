"""The dense layer with 1-bit weights, or weights in planes, and one scale.

Source: ReBNet (arXiv:1711.01243), section III-A: weights are gamma_w * sign(latent), one gamma_w per layer. Latent
weights, their clipping and the straight-through gradient are BinaryNet's (arXiv:1602.02830).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir.architecture import ONE_BIT, Weights
from rebnet.ir.ops import BitMatrix, Dense
from rebnet.methods.weights import Weight
from rebnet.nn.methods.weights import WeightBinarizer
from rebnet.nn.operations import Said
from rebnet.nn.planes import WeightPlanes, spread
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
    (straight through). Weights of more than one bit are planes of signs, see `rebnet.nn.planes`.

    Attributes:
        weight: Latent weights, one row per output.
        planes: What the latent weights become where that is more than a sign; else None.
        scale: gamma_w, see `unit_scale`.
        real: Multiply with the latent weights themselves, for a training that begins with real weights.
        binarizer: What a method makes of the latent weights of 1 bit, see `use_method`; else None.
    """

    def __init__(self, *shape: int, weights: Weights = ONE_BIT) -> None:
        super().__init__()
        fan_in = math.prod(shape[1:])
        self.scale = unit_scale(fan_in)
        self.planes: WeightPlanes | None = None
        if weights != ONE_BIT:
            self.scale = 2.0 ** round(math.log2(self.scale / spread(weights)))
            self.planes = WeightPlanes(weights)
        self.real = False
        self.binarizer: WeightBinarizer | None = None
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(fan_in))

    @property
    def binary_weight(self) -> Tensor:
        """The +1 and -1 that the hardware stores, in the shape of `weight`, without gradient."""
        return sign(self.weight.detach())

    def used_weight(self) -> Tensor:
        """What the layer multiplies with, in the shape of `weight`."""
        if self.real:
            return self.weight
        if self.planes is not None:
            return self.scale * self.planes.quantized(self.weight)
        if self.binarizer is not None:
            weights: Tensor = self.binarizer(self.weight)
            return weights
        return self.scale * straight_through_sign(self.weight)

    def use_method(self, part: Weight) -> None:
        """Binarize weights of 1 bit as a method does; nothing changes where that is what a layer does of itself."""
        if self.planes is None and not part.is_plain:
            self.binarizer = WeightBinarizer(part, len(self.weight), self.scale)

    @property
    def inputs(self) -> int:
        """Inputs of an output, each as often as its weight counts at most: N·Σ h_j."""
        return self.weight[0].numel() * (1 if self.planes is None else sum(self.planes.gains))

    @property
    def unit(self) -> float:
        """What a weight of 1 is worth, as hardware holds weights."""
        return self.scale * (1.0 if self.planes is None else self.planes.unit)

    def packed(self, said: Said, rows: Callable[[Tensor], Tensor] = lambda weight: weight) -> BitMatrix:
        """The weights as hardware holds them; `rows` makes one row an output of a tensor in the shape of `weight`.

        Raises:
            OptionError: The layer multiplies with its latent weights, or with those that a method makes of them.
        """
        if self.binarizer is not None:
            raise self.binarizer.refused(said)
        if self.real:
            raise said.error(
                self,
                "multiplies with its latent weights, which hardware does not hold; call "
                "rebnet.nn.build.use_real_weights(model, False) and train on",
            )
        if self.planes is None:
            return BitMatrix.pack((rows(self.binary_weight) > 0).cpu().numpy())
        signs = torch.stack([rows(plane) for plane in self.planes.signs(self.weight)])
        return BitMatrix.pack((signs > 0).cpu().numpy(), self.planes.gains)

    def clip_latent_(self, bound: float = 1.0) -> None:
        """Clamp the latent weights to [-bound, bound], so that none drifts too far to flip; call after each step."""
        with torch.no_grad():
            self.weight.clamp_(-bound, bound)


class BinaryLinear(BinaryLayer):
    """A dense layer y = scale * (x @ sign(weight)^T): y_o = scale * sum_n x_n * sign(weight_{o,n}).

    Shapes: x is N x in_features, y is N x out_features, weight is out_features x in_features.

    Args:
        in_features: Inputs of a row.
        out_features: Rows.
        weights: What the weights are, 1 bit if nothing is said.
    """

    def __init__(self, in_features: int, out_features: int, weights: Weights = ONE_BIT) -> None:
        super().__init__(out_features, in_features, weights=weights)
        self.in_features = in_features
        self.out_features = out_features

    def forward(self, x: Tensor) -> Tensor:
        """Return y, N x out_features."""
        return functional.linear(x, self.used_weight())

    def operations(self, said: Said) -> Said:
        """A dense layer."""
        return said.vectors(self).then(self, Dense(self.packed(said), self.unit))

    def extra_repr(self) -> str:
        """Inputs, outputs and the scale."""
        return f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}"
