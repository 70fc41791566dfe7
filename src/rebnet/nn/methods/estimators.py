"""Signs with the estimators of `rebnet.methods.estimators`: exact signs forward, their slopes in closed form backward.

Forward: s = +1 where x >= 0, -1 elsewhere. Gradient: dL/dx = h(x)·dL/ds, with h the slope of the function F that stands
in for the sign:

* identity: F = x, h = 1;
* clip: F = x between -1 and 1, h = 1[|x| <= 1];
* polynomial: F = 2x - x|x| between -1 and 1, h = max(0, 2 - 2|x|);
* swish: F = 2·σ(bx)·(1 + bx·(1 - σ(bx))) - 1, h = b·(2 - bx·tanh(bx/2))/(1 + cosh(bx));
* EDE: F = k·tanh(tx), h = k·t·(1 - tanh²(tx)), k = max(1/t, 1);
* IEE: F = k·(√3·t·x - 3/4·t²·x·|x|) where |tx| <= 2/√3 and ±k beyond, h = k·max(0, √3·t - 3/2·t²·|x|).

Papers and equations stand beside each part's data.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.methods import estimators as parts
from rebnet.methods.estimators import Estimator
from rebnet.nn.options import Estimator as Named
from rebnet.nn.residual import sign, surrogate, surrogate_slope

_NAMED: dict[type, Named] = {parts.Clip: "clip", parts.Polynomial: "polynomial", parts.Ede: "ede"}
"""Those that `rebnet.nn.residual` has, by their names there."""
FUSED: dict[Estimator, Named] = {kind(): name for kind, name in _NAMED.items()}
"""Estimators that a `ResidualSign` knows, whose training step is one operation with BatchNorm."""
SQRT_3 = math.sqrt(3)


def slope_of(x: Tensor, estimator: Estimator, t: Tensor | float = 1.0) -> Tensor:
    """H at `x`, in the shape of `x`; t is the sharpness of EDE and IEE."""
    if type(estimator) in _NAMED:
        return surrogate_slope(x, _NAMED[type(estimator)], t)
    if isinstance(estimator, parts.Identity):
        return torch.ones_like(x)
    if isinstance(estimator, parts.Swish):
        b = estimator.sharpness
        y = (b * x).clamp(-60, 60)  # beyond, the slope is 0 in float32
        return b * (2 - y * torch.tanh(y / 2)) / (1 + torch.cosh(y))
    assert isinstance(estimator, parts.Iee)
    t = torch.as_tensor(t, dtype=x.dtype, device=x.device).clamp(min=estimator.least)
    return torch.clamp(1 / t, min=1) * (SQRT_3 * t - 1.5 * t * t * x.abs()).clamp(min=0)


def surrogate_of(x: Tensor, estimator: Estimator, t: Tensor | float = 1.0) -> Tensor:
    """F at `x`, in the shape of `x`: for pictures and tests; no training computes it."""
    if type(estimator) in _NAMED:
        return surrogate(x, _NAMED[type(estimator)], t)
    if isinstance(estimator, parts.Identity):
        return x
    if isinstance(estimator, parts.Swish):
        b = estimator.sharpness
        y = torch.sigmoid(b * x)
        return 2 * y * (1 + b * x * (1 - y)) - 1
    assert isinstance(estimator, parts.Iee)
    t = torch.as_tensor(t, dtype=x.dtype, device=x.device).clamp(min=estimator.least)
    y = (t * x).clamp(-2 / SQRT_3, 2 / SQRT_3)
    return torch.clamp(1 / t, min=1) * (SQRT_3 * y - 0.75 * y * y.abs())


class _Sign(torch.autograd.Function):
    """The sign, and h·dL/ds."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sharpness: Tensor, estimator: Estimator) -> Tensor:
        ctx.save_for_backward(x, sharpness)
        ctx.estimator = estimator
        return sign(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, sharpness = ctx.saved_tensors
        return gradient * slope_of(x, ctx.estimator, sharpness), None, None


class EstimatedSign(nn.Module):
    """The sign with an estimator's gradient.

    Shapes: any in, the same out.

    Args:
        estimator: What stands in for its slope.

    Attributes:
        sharpness: t; the training sets it, see `set_progress`.
    """

    sharpness: Tensor

    def __init__(self, estimator: Estimator) -> None:
        super().__init__()
        self.estimator = estimator
        self.register_buffer("sharpness", torch.tensor(1.0), persistent=False)
        self.set_progress(0.0)

    @torch.no_grad()
    def set_progress(self, progress: float) -> None:
        """Take the sharpness for when that share of the training is done, 0 to 1."""
        if isinstance(self.estimator, parts.Ede | parts.Iee):
            self.sharpness.fill_(self.estimator.schedule.at(progress))

    def forward(self, x: Tensor) -> Tensor:
        """Return signs, in the type of `x`."""
        signs: Tensor = _Sign.apply(x, self.sharpness, self.estimator)  # type: ignore[no-untyped-call]
        return signs

    def extra_repr(self) -> str:
        """The estimator."""
        return str(self.estimator)
