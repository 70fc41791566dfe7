"""Features in float: BatchNorm on a grid of 2^-F, and average pools of what it gives.

A feature is what branches add up and pools average. In training it is plain BatchNorm; at its end the grid is set, and
from then on it is what hardware computes, see `rebnet.spec.rescale`: the same real numbers in float64 give the same
features.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rebnet.errors import OptionError
from rebnet.ir.features import Rescale, SumPool
from rebnet.nn.norm_sign import BatchNorm, NormSign, Total, norm_sign
from rebnet.nn.operations import Said
from rebnet.spec.rescale import MOST_RESCALE_SHIFT, Grid
from rebnet.spec.window import Pair, Window

MOST_SCALE = (1 << 15) - 1
"""Largest A_c."""


class NormFeature(nn.Module):
    """BatchNorm whose values are features: multiples of 2^-F.

    In training, and as long as there is no grid, norm(x) = a·x + b. In eval mode with one, a and b are on it,
    A = round(2^(s+F)·a·unit) and B = floor(2^s·(2^F·b + 1/2)), and the values are those of hardware, in float64:
    floor((A·(x/unit) + B + 1/2) / 2^s) / 2^F. Here x/unit is a whole number up to float rounding, which the half that
    is added keeps harmless.

    Shapes: N x C or N x C x H x W in, the same out.

    Args:
        norm: BatchNorm over C, with weights, running statistics and a momentum.

    Attributes:
        fraction_bits: F, of the grid.
        shift: s.
        per_unit: 1/unit, how many units x = 1 is: of the layer's scale times that of the codes which it reads; 0 as
            long as there is no grid.
        total: Adds up over processes that train together; None where there is one.

    Raises:
        OptionError: `norm` lacks something.
    """

    fraction_bits: Tensor
    shift: Tensor
    per_unit: Tensor

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__()
        if not (norm.affine and norm.track_running_stats) or norm.momentum is None:
            raise OptionError(f"norm={norm}: has no weights, no running statistics or no momentum; make it with them")
        self.norm = norm
        self.total: Total | None = None
        self.register_buffer("fraction_bits", torch.tensor(0))
        self.register_buffer("shift", torch.tensor(0))
        self.register_buffer("per_unit", torch.tensor(0.0))

    @property
    def is_snapped(self) -> bool:
        """Whether there is a grid."""
        return bool(self.per_unit > 0)

    def set_grid(self, unit: float, fraction_bits: int, shift: int) -> None:
        """Give the values of this grid from now on, in eval mode."""
        self.per_unit.fill_(1 / unit)
        self.fraction_bits.fill_(fraction_bits)
        self.shift.fill_(shift)

    @property
    def fits(self) -> bool:
        """Whether the constants of the grid are of the 16 bits that hardware has."""
        return not self.is_snapped or bool(self._constants()[0].abs().max() <= MOST_SCALE)

    def drop_grid(self) -> None:
        """Give BatchNorm's values from now on."""
        self.per_unit.fill_(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features."""
        if self.training:
            return norm_sign(x, self.norm, None, self.total)
        plain: Tensor = self.norm(x)
        scale, bias = (_per_channel(numbers, x) for numbers in self._constants())
        v = x.double() * self.per_unit.double()
        z = torch.floor((scale * v + (bias + 0.5)) * 2.0 ** -self.shift.double())
        return torch.where(self.per_unit > 0, (z * 2.0 ** -self.fraction_bits.double()).to(x.dtype), plain)

    def slope(self) -> Tensor:
        """Real a per unit of x, float64, shape [C]."""
        assert self.norm.running_var is not None
        return self.norm.weight.detach().double() / torch.sqrt(self.norm.running_var.double() + self.norm.eps)

    def _constants(self) -> tuple[Tensor, Tensor]:
        """A and B, whole numbers in float64, shape [C]."""
        assert self.norm.running_mean is not None
        slope = self.slope()
        offset = self.norm.bias.detach().double() - self.norm.running_mean.double() * slope
        grid, shift = 2.0 ** self.fraction_bits.double(), 2.0 ** self.shift.double()
        scale = torch.round(slope * (shift * grid / self.per_unit.double()))
        return scale, torch.floor((offset * grid + 0.5) * shift)

    def grid(self) -> Grid:
        """The constants that hardware holds."""
        scale, bias = (_integers(numbers) for numbers in self._constants())
        return Grid(scale, bias, int(self.shift))

    def operations(self, said: Said) -> Said:
        """A rescale; without a grid one that says so, see `rebnet.export`."""
        said = said.maps(self) if isinstance(self.norm, nn.BatchNorm2d) else said.vectors(self)
        grid = self.grid() if self.is_snapped else _none(self.norm.num_features)
        return said.then(self, Rescale(grid.scale, grid.bias, grid.shift, int(self.fraction_bits)))

    def extra_repr(self) -> str:
        """The grid, where there is one."""
        return f"fraction_bits={int(self.fraction_bits)}, shift={int(self.shift)}" if self.is_snapped else ""


def share_statistics(model: nn.Module, total: Total | None) -> None:
    """Let `NormSign` and `NormFeature` normalise over the images of all processes, which `total` adds up."""
    for module in model.modules():
        if isinstance(module, NormSign | NormFeature):
            module.total = total


def shift_of(slopes: Tensor, unit: float, fraction_bits: int) -> int:
    """The finest shift with which constants of 16 bits hold such slopes, and some that are up to twice as steep."""
    peak = float(slopes.abs().max()) * unit * 2.0**fraction_bits
    fitting = (s for s in reversed(range(MOST_RESCALE_SHIFT + 1)) if 2 * peak * 2.0**s <= MOST_SCALE)
    return next(fitting, 0)


def _none(rows: int) -> Grid:
    return Grid(np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64), 0)


def _per_channel(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.reshape(-1, *[1] * (x.ndim - 2))


def _integers(numbers: Tensor) -> NDArray[np.int64]:
    return numbers.cpu().numpy().astype(np.int64)


class AveragePool2d(nn.Module):
    """The average of every window of features.

    Shapes: N x C x H x W in, N x C x H' x W' out with H' = (H - K)//stride + 1.

    Args:
        kernel: Rows and columns of a window, a number for both.
        stride: Rows and columns that it moves by.
    """

    def __init__(self, kernel: int | Pair, stride: int | Pair) -> None:
        super().__init__()
        self.window = Window(kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the averages."""
        return functional.avg_pool2d(x, self.window.kernel, self.window.stride)

    def operations(self, said: Said) -> Said:
        """A sum of every window, whose 1/area stands in the unit."""
        return said.maps(self).then(self, SumPool(self.window))

    def extra_repr(self) -> str:
        """The window."""
        return str(self.window)


class GlobalAveragePool2d(nn.Module):
    """The average of a whole map of features, a map of one place.

    Shapes: N x C x H x W in, N x C x 1 x 1 out.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the averages."""
        return x.mean((2, 3), keepdim=True)

    def operations(self, said: Said) -> Said:
        """A sum of the whole map, whose 1/area stands in the unit."""
        return said.maps(self).then(self, SumPool())
