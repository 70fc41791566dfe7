"""Weights binarized by a method: latent weights centred and standardized, their sign, and a scale.

Forward, of each output's latent weights w, n of them: u = w - mean(w) if `centred`, over its standard deviation
√(Σ u²/(n - 1)) if `standardized`, s = sign(u), weight = a·s, plus mean(w) if `about_mean`. The scale a is

* None: 1;
* `MeanSize`: Σ|u|/n, of an output or of the layer (XNOR-Net, arXiv:1603.05279, equation 6);
* `PowerOfTwo`: 2^round(log2(Σ|u|/n)) (IR-Net, arXiv:1909.10788, equation 6);
* `Deviation`: the standard deviation of w (AdaBin, arXiv:2208.08084, equation 6);
* `LearnedScale`: trained, 1 at the start.

Where a is not made of the latents' own size, the weights are also multiplied by the layer's power of two, which keeps
sums near 1 and which BatchNorm cancels.

Gradient: dL/ds = a·dL/dweight, dL/du = h(u)·dL/ds with the estimator's slope h, and on through u to w. Of `MeanSize`
with gradient "full" a moves with w as well, dL/dw += dL/da·sign(w)/n (XNOR-Net, section 3.1); with "scaled", and of
`PowerOfTwo`, it does not; with "plain" dL/du = h(u)·dL/dweight (Bi-Real Net's code). A stochastic sign is +1 with
probability min(max((u + 1)/2, 0), 1), in training alone, and has the gradient of a sign.

Shapes: latents O x I or O x I x R x S in, weights of that shape out.
"""

import math

import torch
from torch import Tensor, nn

from rebnet.methods.weights import Deviation, LearnedScale, MeanSize, RealWeights, Stochastic, Weight
from rebnet.nn.methods.estimators import EstimatedSign
from rebnet.nn.methods.in_float import InFloat
from rebnet.nn.operations import Said
from rebnet.nn.residual import sign

LEAST_SIZE = 2.0**-40
"""What latents are divided by is at least this."""


class WeightBinarizer(nn.Module):
    """What a layer's latent weights become, see above.

    Args:
        part: What it is.
        outputs: O.
        unit: The layer's power of two.
    """

    step: Tensor
    salt: Tensor

    def __init__(self, part: Weight, outputs: int, unit: float) -> None:
        super().__init__()
        self.part = part
        self.unit = 1.0 if part.has_size else unit
        self.estimated = EstimatedSign(part.estimator)
        verdicts = {name: verdict for name, _, verdict in part.verdicts}
        self.in_float = next((InFloat(one) for one in verdicts.values() if one.kind == "H3"), None)
        if isinstance(part.scale, LearnedScale):
            self.scale = nn.Parameter(torch.ones(outputs if part.scale.per == "channel" else 1))
        if isinstance(part.to, Stochastic):
            self.register_buffer("step", torch.tensor(0))
            self.register_buffer("salt", torch.randint(2**31, ()))

    def latents(self, weight: Tensor) -> Tensor:
        """U, of which the sign is taken; an output with one weight keeps it."""
        rows = weight.flatten(1)
        count = rows.shape[1]
        if count == 1:
            return weight
        if self.part.centred:
            rows = rows - rows.mean(1, keepdim=True)
        if self.part.standardized:
            rows = rows / self._deviation(weight)
        return rows.reshape(weight.shape)

    def forward(self, weight: Tensor) -> Tensor:
        """Return what the layer multiplies with."""
        if isinstance(self.part.to, RealWeights):
            return weight
        u = self.latents(weight)
        signs: Tensor = self.estimated(u)
        if isinstance(self.part.to, Stochastic) and self.training:
            drawn = self._drawn(u)
            signs = signs + (drawn - signs).detach()
        scale = self._scale(weight, u)
        if scale is None:
            values = self.unit * signs
        else:
            scale = scale.reshape(-1, *[1] * (weight.ndim - 1))
            if isinstance(self.part.scale, MeanSize) and self.part.scale.gradient == "plain":
                values = self.unit * (signs + ((scale - 1) * signs).detach())
            else:
                values = self.unit * scale * signs
        if not self.part.about_mean:
            return values
        return values + weight.flatten(1).mean(1).reshape(-1, *[1] * (weight.ndim - 1))

    def _scale(self, weight: Tensor, u: Tensor) -> Tensor | None:
        """A, one an output or one of all."""
        part = self.part.scale
        if part is None:
            return None
        if isinstance(part, LearnedScale):
            return self.scale
        if isinstance(part, Deviation):
            return self._deviation(weight)
        sizes = u.abs().flatten(1).mean(1) if part.per == "channel" else u.abs().mean()[None]
        if isinstance(part, MeanSize):
            return sizes if part.gradient == "full" else sizes.detach()
        return torch.exp2(sizes.detach().clamp(min=LEAST_SIZE).log2().round())

    def _deviation(self, weight: Tensor) -> Tensor:
        """The standard deviation of each output's latents, O x 1; 1 of a single one."""
        rows = weight.flatten(1)
        if rows.shape[1] == 1:
            return torch.ones_like(rows)
        squares = (rows - rows.mean(1, keepdim=True)).square().sum(1, keepdim=True)
        return (squares / (rows.shape[1] - 1)).clamp(min=LEAST_SIZE).sqrt()

    @torch.no_grad()
    def _drawn(self, u: Tensor) -> Tensor:
        """Stochastic signs: a hash of place and step is the dice, so that a training can be gone on with."""
        chance = ((u + 1) / 2).clamp(0, 1)
        signs = torch.where(hashed(u.numel(), self.step, self.salt).reshape(u.shape) < chance, 1.0, -1.0)
        self.step.add_(1)
        return signs.to(u.dtype)

    @torch.no_grad()
    def absorbed(self, weight: Tensor) -> Tensor:
        """Latents of which a plain sign gives the same weights up to a positive factor of each output."""
        u = self.latents(weight)
        signs = sign(u)
        if isinstance(self.part.scale, LearnedScale):
            signs = signs * sign(self.scale).reshape(-1, *[1] * (u.ndim - 1))
        return signs * u.abs().clamp(LEAST_SIZE, 1)

    def refused(self, said: Said) -> Exception:
        """The error that says why these weights are not yet bits, or never will be."""
        if self.in_float is not None:
            return self.in_float.refused(said)
        return said.error(
            self,
            "its scale is not yet BatchNorm's; give export training images, so that it can move it there and "
            "recalibrate BatchNorm",
        )

    def extra_repr(self) -> str:
        """What it is."""
        return str(self.part)


def hashed(count: int, step: Tensor, salt: Tensor) -> Tensor:
    """So many numbers from 0 to below 1 that look drawn evenly, a function of step and salt.

    The mixer is "lowbias32" of Wellons' hash prospector.
    """
    mask = 2**32 - 1
    bits = (torch.arange(count, device=step.device) + step * 0x9E3779B1 + salt) & mask
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = ((bits ^ (bits >> shift)) * factor) & mask
    return ((bits ^ (bits >> 16)).double() * math.ldexp(1, -32)).float().clamp(max=1 - 2.0**-24)
