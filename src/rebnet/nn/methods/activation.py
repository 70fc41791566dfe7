"""Activations binarized by a method: threshold, scale and offset around residual or evenly spaced levels.

Forward, with threshold t, scale a > 0 and factors g_i: r_1 = (x - t)/a, s_i = sign(r_i), r_{i+1} = r_i - g_i·s_i,
e = a·Σ g_i·s_i, plus t where codes stand about it. Of one level g_1 = 1 at the start: e = a·sign((x - t)/a).

Gradient: that of this formula, with ds_i = h(r_i)·dr_i and h the estimator's slope (`rebnet.nn.methods.estimators`);
with gradient "paper" residuals move with x and t alone. So a threshold learns by -dL/dx, one behind the other side by
dL/de as well, and a by dL/da = Σ dL/de·(e - offset)/a - Σ dL/dx·r_1.

Evenly spaced levels are g_i = 2^(M-i)/(2^M - 1) and do not train. There the estimator stands in for the whole
staircase: dL/dx = h((x - t)/a)·dL/de, as DoReFa-Net has it (arXiv:1606.06160, section 2.2); ties are rounded up.

Sources: ReActNet's RSign (arXiv:2003.03488, equation 4: t a channel), AdaBin (arXiv:2208.08084: t and a a layer, codes
about t), DyBNN (arXiv:2110.05185: t of each image).
"""

import math

import torch
from torch import Tensor, nn

from rebnet.methods.activations import Activation, Dynamic, Learned, Uniform
from rebnet.nn.methods.estimators import FUSED, EstimatedSign
from rebnet.nn.methods.in_float import InFloat
from rebnet.nn.operations import Said
from rebnet.nn.options import Gradient
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import PadLowest

LEAST_SCALE = 2.0**-10
"""a is at least this."""


def sign_of(part: Activation, levels: int, channels: int, gradient: Gradient = "chain") -> ResidualSign:
    """What binarizes activations of so many channels; a plain `ResidualSign` where that is all."""
    if part.is_plain and part.estimator in FUSED:
        return ResidualSign(levels, gradient, FUSED[part.estimator])
    return MethodSign(part, levels, channels, gradient)


class DynamicThreshold(InFloat):
    """Thresholds of every image and channel: t = W_2·relu(W_1·m), m the means of the channels over the map.

    The paper gives a hyper function of the global average; two dense layers without a bias in the second, which starts
    at 0, are what was chosen. Gradient: that of the formula.

    Shapes: N x C x H x W or N x C in, N x C out.

    Args:
        part: How much smaller the layer between is.
        channels: C.
    """

    def __init__(self, part: Dynamic, channels: int) -> None:
        super().__init__(Activation(threshold=part).verdicts[1][2])
        inner = max(1, channels // part.reduction)
        self.reduce = nn.Linear(channels, inner)
        self.widen = nn.Linear(inner, channels, bias=False)
        nn.init.zeros_(self.widen.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the thresholds."""
        means = x if x.ndim == 2 else x.mean((2, 3))
        thresholds: Tensor = self.widen(torch.relu(self.reduce(means)))
        return thresholds

    def operations(self, said: Said) -> Said:
        """None; raises `OptionError`."""
        raise self.refused(said)


class MethodSign(ResidualSign):
    """A residual sign with a threshold, a scale and an offset, see above.

    Shapes: N x C or N x C x H x W in, the same out.

    Args:
        part: What it is.
        levels: M, 1 to 8.
        channels: C.
        gradient: "chain" or "paper", see `rebnet.nn.residual`.
    """

    threshold: Tensor
    raw_scale: Tensor

    def __init__(self, part: Activation, levels: int, channels: int, gradient: Gradient = "chain") -> None:
        super().__init__(levels, gradient)
        self.part = part
        self.estimated = EstimatedSign(part.estimator)
        self.dynamic = DynamicThreshold(part.threshold, channels) if isinstance(part.threshold, Dynamic) else None
        if isinstance(part.threshold, Learned):
            shape = (1,) if part.threshold.per == "layer" else (channels,)
            self.threshold = nn.Parameter(torch.full(shape, part.threshold.first))
        elif self.dynamic is None:
            self.register_buffer("threshold", torch.tensor([part.threshold]), persistent=False)
        if isinstance(part.scale, Learned):
            self.raw_scale = nn.Parameter(torch.tensor(part.scale.first))
        else:
            self.register_buffer("raw_scale", torch.tensor(part.scale), persistent=False)
        if isinstance(part.planes, Uniform):
            self.log_increments.requires_grad_(False)

    @property
    def scale(self) -> Tensor:
        """a, a number."""
        return self.raw_scale.abs().clamp(min=LEAST_SCALE)

    @property
    def gammas(self) -> Tensor:
        """The factors of codes, a·g_i."""
        return self.scale * super().gammas

    @property
    def offset(self) -> Tensor | None:
        """What codes stand about, shape [1] or [C]; None is 0."""
        return self.threshold if self.part.about_threshold else None

    def forward(self, x: Tensor) -> Tensor:
        """Return e in the shape of `x`."""
        if self.real:
            return torch.tanh(x)
        codes = self.codes(x)
        return codes if self.offset is None else codes + _over(self.offset, x)

    def codes(self, x: Tensor) -> Tensor:
        """E without the offset."""
        threshold = self.threshold if self.dynamic is None else self.dynamic(x)
        z = (x - _over(threshold, x)) / self.scale
        if isinstance(self.part.planes, Uniform):
            return self.scale * self._staircase(z)
        residual, encoded = z, torch.zeros_like(z)
        for gamma in super().gammas.unbind():
            signs: Tensor = self.estimated(residual)
            step = gamma * signs
            encoded = encoded + step
            residual = residual - (step if self.gradient == "chain" else step.detach())
        return self.scale * encoded

    def _staircase(self, z: Tensor) -> Tensor:
        """Evenly spaced levels from -1 to 1, with the estimator's gradient."""
        whole: Tensor = self.estimated(z)
        residual, encoded = z.detach(), torch.zeros_like(z)
        for gamma in super().gammas.unbind():
            step = torch.where(residual >= 0, gamma, -gamma)
            encoded, residual = encoded + step, residual - step
        return whole + (encoded - whole).detach()

    def padded(self, x: Tensor, pad: PadLowest | None) -> Tensor:
        """E of a map that is then padded with the lowest code."""
        codes = self.codes(x)
        codes = codes if pad is None else pad.codes(codes, self.gammas)
        return codes if self.offset is None else codes + _over(self.offset, codes)

    def operations(self, said: Said) -> Said:
        """None: at the end of a training it becomes a plain residual sign; raises `OptionError`."""
        if self.dynamic is not None:
            raise self.dynamic.refused(said)
        raise said.error(
            self,
            "its threshold and scale are not yet those of BatchNorm and a plain residual sign; give export training "
            "images, so that it can move them there and recalibrate BatchNorm",
        )

    @torch.no_grad()
    def absorbed(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> ResidualSign:
        """A plain residual sign of equal codes behind `norm`, which takes the threshold; what reads them sees others.

        Codes become a·Σ g_i·s_i without their offset, and evenly spaced ones 2^-i in the place of 2^(M-i)/(2^M - 1):
        the BatchNorm behind the layer that reads them has to be recalibrated.
        """
        norm.bias.sub_(self.threshold)
        plain = ResidualSign(self.levels, self.gradient)
        plain.log_increments.copy_(self.log_increments + self.scale.log())
        if isinstance(self.part.planes, Uniform):
            units = (2.0**self.levels - 1) / 2.0**self.levels / self.scale
            norm.weight.mul_(units)
            norm.bias.mul_(units)
            plain.log_increments.fill_(-self.levels * math.log(2))
        return plain.train(self.training)

    def extra_repr(self) -> str:
        """Levels, threshold and scale."""
        return f"levels={self.levels}, gradient={self.gradient!r}, {self.part}"


def _over(numbers: Tensor, x: Tensor) -> Tensor:
    """Numbers of a layer or of channels, or of images and channels, in a shape to meet maps."""
    return numbers.reshape(*numbers.shape, *[1] * (x.ndim - 2))
