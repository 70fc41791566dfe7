"""Residual binarization in float: the sign with a straight-through gradient, and M levels of it.

Source: Ghasemzadeh, Samragh, Koushanfar, "ReBNet: Residual Binarized Neural Network", FCCM 2018
(arXiv:1711.01243), section III, Algorithm 1 and equations 5 to 8.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir import ops
from rebnet.nn.operations import Said
from rebnet.nn.options import Estimator, Gradient, check_levels


def sign(x: Tensor) -> Tensor:
    """+1 where x >= 0 and -1 elsewhere, in the type of `x`; both zeros count as +1."""
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def straight_through_sign(x: Tensor, estimator: Estimator = "clip", sharpness: Tensor | float = 1.0) -> Tensor:
    """Sign with a straight-through gradient.

    Forward: sign(x), exactly +1 or -1 for every finite or infinite x.
    Gradient: dL/dx = dL/ds times the slope of `surrogate`, which for "clip" is 1[|x| <= 1].

    The surrogate's value is subtracted from itself, which is exactly 0, so the forward value is not rounded.
    """
    smooth = surrogate(x, estimator, sharpness)
    return sign(x.detach()) + (smooth - smooth.detach())


def surrogate(x: Tensor, estimator: Estimator, sharpness: Tensor | float = 1.0) -> Tensor:
    """The function whose slope stands in for that of the sign.

    * "clip": x between -1 and 1, slope 1[|x| <= 1] (BinaryNet, arXiv:1602.02830);
    * "polynomial": 2x - x|x| between -1 and 1, slope max(0, 2 - 2|x|) (Bi-Real Net, arXiv:1808.00278);
    * "ede": k tanh(t x) with t = `sharpness` and k = max(1/t, 1); t rises from 0.1 to 10 as training goes on (IR-Net,
      arXiv:1909.10788, equation 9).
    """
    if estimator == "ede":
        t = torch.as_tensor(sharpness, dtype=x.dtype, device=x.device)
        return torch.clamp(1 / t, min=1) * torch.tanh(t * x)
    clipped = x.clamp(-1, 1)
    return clipped if estimator == "clip" else 2 * clipped - clipped * clipped.abs()


def surrogate_slope(x: Tensor, estimator: Estimator, sharpness: Tensor | float = 1.0) -> Tensor:
    """The slope of `surrogate` at `x`, in closed form."""
    if estimator == "clip":
        return (x.abs() <= 1).to(x.dtype)
    if estimator == "polynomial":
        return (2 - 2 * x.abs()).clamp(min=0)
    t = torch.as_tensor(sharpness, dtype=x.dtype, device=x.device)
    return torch.clamp(1 / t, min=1) * t * (1 - torch.tanh(t * x).square())


def residual_sign(
    x: Tensor,
    gammas: Tensor,
    gradient: Gradient = "chain",
    estimator: Estimator = "clip",
    sharpness: Tensor | float = 1.0,
) -> Tensor:
    """Binarize `x` in M levels, each the sign of what the levels before it left over.

    Forward, both modes: r_1 = x, s_i = sign(r_i), r_{i+1} = r_i - gamma_i * s_i, and
    e = gamma_1 * s_1 + ... + gamma_M * s_M, summed from the left.

    Gradient "chain" differentiates exactly this, with ds_i = h(r_i) dr_i and h the slope of the estimator's
    `surrogate`, 1[|r_i| <= 1] for "clip": a later residual knows
    that an earlier sign and an earlier gamma moved it,

        dr_{i+1} = dr_i - s_i dgamma_i - gamma_i ds_i.

    Gradient "paper" is equations 5 to 8, where residuals move with x alone:

        dL/dgamma_i = sum dL/de * s_i        dL/dx = dL/de * sum_i gamma_i * h(r_i).

    Args:
        x: Values of any shape.
        gammas: The M scaling factors, shape [M], the largest first.
        gradient: "chain" or "paper".
        estimator: What stands in for the slope of each sign, see `surrogate`.
        sharpness: t of the estimator "ede".

    Returns:
        e, in the shape of `x`.
    """
    residual = x
    encoded = torch.zeros_like(x)
    for gamma in gammas.unbind():
        step = gamma * straight_through_sign(residual, estimator, sharpness)
        encoded = encoded + step
        residual = residual - (step if gradient == "chain" else step.detach())
    return encoded


class ResidualSign(nn.Module):
    """`residual_sign` with trainable factors that stay strictly super-increasing.

    gamma_M = d_M and gamma_i = d_i + sum_{j>i} gamma_j with d = exp(log_increments), so every factor is
    larger than all later ones together and no two codes mean the same value. The start is d = 1/(2^M - 1):
    (1), (2,1)/3, (4,2,1)/7 and so on, the evenly spaced levels of [-1, 1].

    `set_gammas` replaces the factors by given numbers, kept as they are beside the parameters (exp(log(g))
    would not be g); from then on they are used, do not train, and are saved in the state dict.

    Args:
        levels: M, 1 to 8.
        gradient: "chain" or "paper", see `residual_sign`.
        estimator: "clip", "polynomial" or "ede", see `surrogate`; the training sets `sharpness` for the last.

    Attributes:
        real: Give tanh(x) in the place of the codes, for a training that begins with real activations (Real-to-Binary,
            arXiv:2003.11535, section 4.2).

    Raises:
        OptionError: `levels`, `gradient` or `estimator` is not legal.
    """

    sharpness: Tensor
    mixing: Tensor
    snapped: Tensor
    is_snapped: Tensor

    def __init__(self, levels: int, gradient: Gradient = "chain", estimator: Estimator = "clip") -> None:
        super().__init__()
        check_levels(levels)
        if gradient not in get_args(Gradient):
            raise OptionError(f"gradient={gradient!r}: not a gradient of the residual sign; use 'chain' or 'paper'")
        if estimator not in get_args(Estimator):
            raise OptionError(
                f"estimator={estimator!r}: not an estimator of the sign's slope; use 'clip', 'polynomial' or 'ede'"
            )
        self.levels = levels
        self.real = False
        self.gradient: Gradient = gradient
        self.estimator: Estimator = estimator
        self.log_increments = nn.Parameter(torch.full((levels,), -math.log(2**levels - 1)))
        rows = [[float(2 ** max(j - i - 1, 0)) if j >= i else 0.0 for j in range(levels)] for i in range(levels)]
        self.register_buffer("sharpness", torch.tensor(1.0), persistent=False)
        self.register_buffer("mixing", torch.tensor(rows), persistent=False)
        self.register_buffer("snapped", torch.zeros(levels))
        self.register_buffer("is_snapped", torch.tensor(False))

    @property
    def gammas(self) -> Tensor:
        """The factors in use, shape [M], the largest first."""
        return torch.where(self.is_snapped, self.snapped, (self.mixing * self.log_increments.exp()).sum(1))

    @property
    def offset(self) -> Tensor | None:
        """What codes stand about where that is not 0, shape [1] or [C]: of a method's, see `rebnet.nn.methods`."""
        return None

    def set_gammas(self, gammas: Sequence[float]) -> None:
        """Use exactly these factors from now on.

        Raises:
            OptionError: Not M numbers, a negative one, or one that the module's float type cannot hold.
        """
        wanted = [float(gamma) for gamma in gammas]
        if len(wanted) != self.levels:
            raise OptionError(f"gammas={wanted}: {len(wanted)} factors for {self.levels} levels; give one per level")
        held = torch.tensor(wanted, dtype=self.snapped.dtype, device=self.snapped.device)
        if not all(0 <= gamma < math.inf for gamma in wanted) or held.tolist() != wanted:
            raise OptionError(
                f"gammas={wanted}: each factor must be at least 0, finite and exact in {held.dtype}; "
                "use integers of at most 24 bits over a power of two"
            )
        self.snapped.copy_(held)
        self.is_snapped.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """Return e in the shape of `x`."""
        if self.real:
            return torch.tanh(x)
        return residual_sign(x, self.gammas, self.gradient, self.estimator, self.sharpness)

    def operations(self, said: Said) -> Said:
        """A residual sign, which makes the border of a map that was padded in front of it the lowest code.

        Its factors are as they are; export finds what power of two they are multiples of.
        """
        padding = said.padding
        if padding is not None and not padding.coded:
            said, padding = replace(said, padding=None), replace(padding, coded=True)
        op = ops.ResidualSign(tuple(float(gamma) for gamma in self.gammas.tolist()), fraction_bits=0)
        return replace(said.then(self, op), padding=padding)

    def extra_repr(self) -> str:
        """Levels, gradient and the factors in use."""
        gammas = ", ".join(f"{gamma:.4g}" for gamma in self.gammas.tolist())
        return f"levels={self.levels}, gradient={self.gradient!r}, estimator={self.estimator!r}, gammas=({gammas})"
