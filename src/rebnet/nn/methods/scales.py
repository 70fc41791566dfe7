"""Scales of sums that stay in float: XNOR-Net's K map, XNOR-Net++'s of places, a gate of each image.

Each gives y times factors, y the sums of a layer, N x C' x H' x W' or N x C', beside the real features that the layer's
codes were made of, N x C x H x W or N x C. Gradient: that of each formula, to both.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir.values import Shape
from rebnet.methods.behind import KMap, PlaceScale, PostScale, SqueezeExcite
from rebnet.nn.methods.in_float import InFloat
from rebnet.nn.operations import Said
from rebnet.spec.window import Window


class Scaled(InFloat):
    """A scale of sums."""


class KMapScale(Scaled):
    """Y·K: K = A * k, A = Σ_c |x_c|/C and k a box filter of 1/(R·S), zeros around the map; of vectors the mean of |x|.

    Source: XNOR-Net (arXiv:1603.05279), equation 11.

    Args:
        window: Of the layer; None of a dense one.
    """

    def __init__(self, window: Window | None) -> None:
        super().__init__(KMap.verdict)
        self.window = window

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the scaled sums."""
        if self.window is None:
            return y * x.abs().flatten(1).mean(1, keepdim=True)
        sizes = x.abs().mean(1, keepdim=True)
        rows, columns = self.window.padding(*x.shape[2:])
        return y * functional.avg_pool2d(
            functional.pad(sizes, [*columns, *rows]), self.window.kernel, self.window.stride
        )

    def operations(self, said: Said, *_: Said) -> Said:
        """None; raises `OptionError`."""
        raise self.refused(said)


class PlaceScaled(Scaled):
    """y_cij·a_c·b_i·g_j, all trained, 1 at the start.

    Source: XNOR-Net++ (arXiv:1909.13863), equation 8; the paper does not say what they start from.

    Args:
        shape: Of the sums.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(PlaceScale.verdict)
        self.channels = nn.Parameter(torch.ones(shape.channels))
        self.rows = nn.Parameter(torch.ones(shape.height))
        self.columns = nn.Parameter(torch.ones(shape.width))

    def forward(self, y: Tensor, _: Tensor) -> Tensor:
        """Return the scaled sums."""
        if y.ndim == 2:
            return y * (self.channels * self.rows * self.columns)
        return y * self.channels[:, None, None] * self.rows[:, None] * self.columns

    def operations(self, said: Said, *_: Said) -> Said:
        """None; raises `OptionError`."""
        raise self.refused(said)


class Gated(Scaled):
    """y_c·σ(W_2·relu(W_1·m))_c, m the means of the features' channels over the map.

    Source: Real-to-Binary (arXiv:2003.11535), section 4.2; the second layer starts at 0, where all gates are 1/2.

    Args:
        part: How much smaller the layer between is.
        inputs: Channels of the features.
        outputs: Channels of the sums.
    """

    def __init__(self, part: SqueezeExcite, inputs: int, outputs: int) -> None:
        super().__init__(SqueezeExcite.verdict)
        inner = max(1, inputs // part.reduction)
        self.reduce = nn.Linear(inputs, inner)
        self.widen = nn.Linear(inner, outputs)
        nn.init.zeros_(self.widen.weight)
        nn.init.zeros_(self.widen.bias)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the scaled sums."""
        means = x if x.ndim == 2 else x.mean((2, 3))
        gates = torch.sigmoid(self.widen(torch.relu(self.reduce(means))))
        return y * gates.reshape(*gates.shape, *[1] * (y.ndim - 2))

    def operations(self, said: Said, *_: Said) -> Said:
        """None; raises `OptionError`."""
        raise self.refused(said)


def scale_of(part: PostScale, window: Window | None, front: Shape, behind: Shape) -> Scaled | None:
    """The module of a scale of sums; None where there is none."""
    match part:
        case KMap():
            return KMapScale(window)
        case PlaceScale():
            return PlaceScaled(behind)
        case SqueezeExcite():
            return Gated(part, front.channels, behind.channels)
    return None
