"""Features with two slopes in float: PReLU, and RPReLU, which moves them before and after.

Sources: He et al., "Delving Deep into Rectifiers" (arXiv:1502.01852), equation 1, and Liu et al., "ReActNet"
(arXiv:2003.03488), section 4.2. As features do, both get a grid at the end of training, and then compute what hardware
does, see `rebnet.spec.two_slope`.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir.features import TwoSlope
from rebnet.nn.operations import Said
from rebnet.nn.stored import stored
from rebnet.spec.two_slope import SLOPE_BITS, slope_shift

FIRST_SLOPE = 0.25
"""The slope that training starts from, as in both papers."""


def two_slope(x: Tensor, slope: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Bend `x` where it is negative, between two shifts.

    Forward: y = x + p, and f(x) = y + q where y >= 0, slope·y + q elsewhere. In ReActNet's letters p = -gamma, the
    slope is beta and q = zeta.

    Gradient: with h = 1 where y >= 0 and the slope elsewhere, dL/dx = h·dL/df, and summed over images and places
    dL/dp = sum h·dL/df, dL/dq = sum dL/df, dL/dslope = sum min(y, 0)·dL/df.

    Args:
        x: N x C or N x C x H x W.
        slope: Per channel, shape [C].
        before: p, likewise.
        after: q, likewise.

    Returns:
        f(x), in the shape of `x`.
    """
    if not torch.is_grad_enabled():
        return _bent(x, *(_per_channel(numbers, x) for numbers in (slope, before, after)))
    bent: Tensor = _TwoSlope.apply(x, slope, before, after)  # type: ignore[no-untyped-call]
    return bent


def _bent(x: Tensor, slope: Tensor, before: Tensor, after: Tensor) -> Tensor:
    y = x + before
    return (torch.where(y >= 0, y, slope * y) + after).to(x.dtype)


def _per_channel(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.reshape(-1, *[1] * (x.ndim - 2))


class _TwoSlope(torch.autograd.Function):
    """What is stored is the input alone, and in a compiled step the results, see `rebnet.nn.stored`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, before: Tensor, after: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope, before)
        return stored(_bent(x, *(_per_channel(numbers, x) for numbers in (slope, before, after))))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, slope, before = ctx.saved_tensors
        places = [axis for axis in range(x.ndim) if axis != 1]
        y = x + _per_channel(before, x)
        to_x = torch.where(y >= 0, gradient, _per_channel(slope, x) * gradient)
        to_slope = (y.clamp(max=0) * gradient).sum(places)
        return stored(to_x.to(x.dtype)), to_slope, to_x.sum(places), gradient.sum(places)


class PReLU(nn.Module):
    """`two_slope` without shifts, a trainable slope a channel.

    In training, and as long as there is no grid, in float. In eval mode with one, slopes are multiples of 2^-s, shifts
    of the feature's unit, and the bent half is rounded to it, half up.

    Shapes: N x C or N x C x H x W in, the same out.

    Args:
        channels: C.

    Attributes:
        per_unit: How many units of the features x = 1 is; 0 as long as there is no grid.
        shift: s.
    """

    per_unit: Tensor
    shift: Tensor
    zeros: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((channels,), FIRST_SLOPE))
        self.register_buffer("per_unit", torch.tensor(0.0))
        self.register_buffer("shift", torch.tensor(0))
        self.register_buffer("zeros", torch.zeros(channels), persistent=False)

    @property
    def shifts(self) -> tuple[Tensor, Tensor]:
        """What is added before and after, shape [C]."""
        return self.zeros, self.zeros

    @property
    def is_snapped(self) -> bool:
        """Whether there is a grid."""
        return bool(self.per_unit > 0)

    def set_grid(self, unit: float) -> None:
        """Give what hardware computes of features in that unit from now on, in eval mode.

        Raises:
            OptionError: A slope is too steep.
        """
        peak = float(self.slope.detach().abs().max())
        shift = slope_shift(peak)
        if shift is None:
            raise OptionError(
                f"{type(self).__name__}: a slope of {peak:g} takes more than {SLOPE_BITS} bits; train it again, with a "
                "smaller learning rate"
            )
        self.per_unit.fill_(1 / unit)
        self.shift.fill_(shift)

    def drop_grid(self) -> None:
        """Compute in float from now on."""
        self.per_unit.fill_(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the bent features."""
        plain = two_slope(x, self.slope, *self.shifts)
        if self.training:
            return plain
        slope, before, after = (_per_channel(numbers, x) for numbers in self._constants())
        per_unit, shift = self.per_unit.double(), self.shift.double()
        y = torch.round(x.double() * per_unit) + before
        half = torch.floor(2.0 ** (shift - 1))
        bent = torch.where(y >= 0, y, torch.floor((slope * y + half) * 2.0**-shift)) + after
        return torch.where(self.per_unit > 0, (bent / per_unit).to(x.dtype), plain)

    def _constants(self) -> tuple[Tensor, ...]:
        """S_c, p and q, whole numbers in float64, shape [C]."""
        slope = torch.round(self.slope.detach().double() * 2.0 ** self.shift.double())
        return slope, *(torch.round(numbers.detach().double() * self.per_unit.double()) for numbers in self.shifts)

    def operations(self, said: Said) -> Said:
        """Two slopes; without a grid those that say so, see `rebnet.export`."""
        slope, before, after = (numbers.cpu().numpy().astype(np.int64) for numbers in self._constants())
        return said.then(self, TwoSlope(slope, before, after, int(self.shift)))

    def extra_repr(self) -> str:
        """Channels, and the shift where there is a grid."""
        return f"{len(self.slope)}" + (f", shift={int(self.shift)}" if self.is_snapped else "")


class RPReLU(PReLU):
    """`two_slope` with trainable shifts before and after, which start at 0."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.before = nn.Parameter(torch.zeros(channels))
        self.after = nn.Parameter(torch.zeros(channels))

    @property
    def shifts(self) -> tuple[Tensor, Tensor]:
        """What is added before and after, shape [C]."""
        return self.before, self.after
