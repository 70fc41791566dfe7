"""BatchNorm and residual sign as one module, which in training is one operation with the gradient in closed form.

In a training step of a convolutional network most time would go into the many small operations between two
convolutions. Here they are two passes over the maps forward and two backward, whatever the number of levels: only the
input is kept, and everything else is computed again where it is used. The numbers are those of BatchNorm in training
mode followed by `rebnet.nn.residual.residual_sign`, up to float rounding.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.nn.methods.activation import MethodSign
from rebnet.nn.operations import Said, says
from rebnet.nn.options import Estimator
from rebnet.nn.residual import ResidualSign, surrogate_slope
from rebnet.nn.stored import stored
from rebnet.nn.window import PadLowest

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d
UNFOLDED_LEVELS = 3
"""Levels that a compiled step computes between two passes over memory, see `rebnet.nn.stored`."""
Total = Callable[[Tensor], Tensor]
"""Adds up a tensor over all processes that train together."""


class NormSign(nn.Module):
    """BatchNorm and the residual sign behind it as one module.

    Forward: sign(pad(norm(x))). In training mode over the batch, in one operation whose gradient is in closed form;
    running statistics move as those of torch's BatchNorm do, over the images of all processes. In eval mode the three
    modules one after the other.

    Shapes: N x C or N x C x H x W in; out the same, larger by what `pad` adds.

    Args:
        norm: BatchNorm over C, with weights, running statistics and a momentum.
        sign: Residual sign behind it; None behind the last layer, whose outputs are scores.
        pad: Padding for the convolution that reads the codes, between the two.

    Attributes:
        total: Adds up over processes that train together; None where there is one. See `share_statistics`.

    Raises:
        OptionError: `norm` lacks something, or there is a `pad` and no `sign`.
    """

    def __init__(self, norm: BatchNorm, sign: ResidualSign | None = None, pad: PadLowest | None = None) -> None:
        super().__init__()
        if not (norm.affine and norm.track_running_stats) or norm.momentum is None:
            raise OptionError(f"norm={norm}: has no weights, no running statistics or no momentum; make it with them")
        if pad is not None and sign is None:
            raise OptionError(
                f"pad={pad}: a border is the lowest code of a residual sign, and there is none; give both"
            )
        self.norm = norm
        self.pad = pad
        self.sign = sign
        self.total: Total | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return the values of the codes, or BatchNorm's where there is no sign."""
        if self.training and self.sign is not None and self.sign.real:
            before = norm_sign(x, self.norm, None, self.total)
            smooth: Tensor = self.sign(before if self.pad is None else self.pad(before))
            return smooth
        if isinstance(self.sign, MethodSign) and not self.sign.real:
            z = norm_sign(x, self.norm, None, self.total) if self.training else self.norm(x)
            return self.sign.padded(z, self.pad)
        if self.training:
            codes = norm_sign(x, self.norm, self.sign, self.total)
            return codes if self.pad is None or self.sign is None else self.pad.codes(codes, self.sign.gammas)
        values: Tensor = self.norm(x)
        for module in (self.pad, self.sign):
            values = values if module is None else module(values)
        return values

    def operations(self, said: Said) -> Said:
        """BatchNorm, and the residual sign where there is one."""
        for name, module in self._modules.items():
            said = said if module is None else says(module, said, name)
        return said


def norm_sign(x: Tensor, norm: BatchNorm, sign: ResidualSign | None, total: Total | None = None) -> Tensor:
    """`sign(norm(x))` in training mode, or `norm(x)` without a sign; moves the running statistics.

    Args:
        x: N x C or N x C x H x W.
        norm: BatchNorm over C.
        sign: Residual sign behind it, if any.
        total: Adds up over processes; None where there is one.

    Returns:
        Values in the shape and type of `x`.
    """
    gammas = x.new_empty(0, dtype=torch.float32) if sign is None else sign.gammas
    none = ("chain", "clip", x.new_empty(0, dtype=torch.float32))
    how = none if sign is None else (sign.gradient, sign.estimator, sign.sharpness)
    rows = x if x.ndim == 2 else x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    values: Tensor
    values, mean, variance, count = _NormSign.apply(rows, norm.weight, norm.bias, gammas, norm.eps, *how, total)  # type: ignore[no-untyped-call]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    with torch.no_grad():
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
    if x.ndim == 2:
        return values
    return values.reshape(len(x), *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)


class _NormSign(torch.autograd.Function):
    """Rows x channels to codes' values (to z where there is no factor), mean, variance and number of rows."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        weight: Tensor,
        bias: Tensor,
        gammas: Tensor,
        epsilon: float,
        gradient: str,
        estimator: str,
        sharpness: Tensor,
        total: Total | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        values = rows.float()
        sums, squares = values.sum(0), (values * values).sum(0)
        count = torch.full((), float(len(rows)), device=rows.device)
        if total is not None:
            together = total(torch.cat([sums, squares, count[None]]))
            sums, squares, count = together[: len(sums)], together[len(sums) : -1], together[-1]
        mean = sums / count
        variance = (squares / count - mean * mean).clamp(min=0)
        mean, deviation = stored(torch.stack([mean, torch.rsqrt(variance + epsilon)])).unbind()
        slope = weight * deviation
        residual = values * slope + (bias - mean * slope)
        encoded = torch.zeros_like(residual)
        for level, gamma in enumerate(gammas.unbind()):
            residual = residual if level % UNFOLDED_LEVELS or level == 0 else stored(residual)
            step = torch.where(residual >= 0, gamma, -gamma)
            encoded = encoded + step
            residual = residual - step
        ctx.save_for_backward(rows, weight, bias, gammas, mean, deviation, count, sharpness)
        ctx.gradient, ctx.estimator, ctx.total = gradient, estimator, total
        ctx.mark_non_differentiable(mean, variance, count)
        return (encoded if len(gammas) else residual).to(rows.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, to_values: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, bias, gammas, mean, deviation, count, sharpness = ctx.saved_tensors
        normal = (rows.float() - mean) * deviation
        to_z, to_gammas = _residual_gradient(
            normal * weight + bias, gammas, to_values.float(), ctx.gradient, ctx.estimator, sharpness
        )
        to_weight, to_bias = (to_z * normal).sum(0), to_z.sum(0)
        sums = torch.cat([to_weight, to_bias])
        if ctx.total is not None:
            sums = ctx.total(sums)
        all_weight, all_bias = (sums / count).chunk(2)
        to_rows = (to_z - all_bias - normal * all_weight) * (weight * deviation)
        return to_rows.to(rows.dtype), to_weight, to_bias, to_gammas, None, None, None, None, None


def _residual_gradient(
    z: Tensor, gammas: Tensor, to_values: Tensor, gradient: str, estimator: Estimator, sharpness: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Gradients of `residual_sign` to z and to the factors, by the recursions of its docstring, last level first.

    With p_i = gamma_i * h(r_i), "chain" gives dL/ds_i = gamma_i * dL/de * (1 - p_M) ... (1 - p_{i+1}), and so
    dL/dz = dL/de * (1 - (1 - p_M) ... (1 - p_1)): each product is used once by the next, see `rebnet.nn.stored`.
    """
    if not len(gammas):
        return to_values, None
    residuals, signs = [], []
    residual = z
    for level, gamma in enumerate(gammas.unbind()):
        residual = residual if level % UNFOLDED_LEVELS or level == 0 else stored(residual)
        residuals.append(residual)
        signs.append(torch.where(residual >= 0, 1.0, -1.0))
        residual = residual - gamma * signs[-1]
    to_step, to_z = to_values, torch.zeros_like(to_values)
    to_gammas = []
    for level in reversed(range(len(gammas))):
        to_gammas.append((to_step * signs[level]).sum(0))
        slope = gammas[level] * surrogate_slope(residuals[level], estimator, sharpness)
        if gradient == "chain":
            to_step = to_step * (1 - slope)
        else:
            to_z = to_z + to_values * slope
    if gradient == "chain":
        to_z = to_values - to_step
    return to_z, torch.stack(to_gammas[::-1]).sum(1)
