"""Windows over maps in float: padding, pooling, and the order in which a dense layer takes a whole map."""

import math
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir import ops
from rebnet.ir.network import PIXELS
from rebnet.nn.operations import Padding, Said, max_pool
from rebnet.nn.residual import ResidualSign
from rebnet.spec.window import Window

LARGEST_BLOCK = 4
"""Pools of so many rows and columns, and smaller ones, are comparisons."""


class PadLowest(nn.Module):
    """Pad a map for a 'same' convolution: the border becomes the lowest code, all bits 0, of value -sum(gamma).

    Zero does not exist in a binary map. This module stands directly before the residual sign (after BatchNorm and
    pool) and pads with -inf, all of whose levels are -1; so the border follows the factors in use, gives them their
    gradient, and needs to know nothing about them. Behind `PixelInput` the lowest value is known: give `lowest=-1`.
    Behind a residual sign whose codes are read without a border too, give that sign: `lowest=sign`.

    Gradient: that of the inner map. Behind the residual sign each border element adds -1 * dL/de to dL/dgamma_i.

    Shapes: N x C x H x W in; out, both axes are longer by `window.padding`, floor half before and the rest after.

    Args:
        window: The window of the convolution that follows, with same=True.
        lowest: The value to pad with, or the residual sign whose codes are padded; that sign is no part of this module.
    """

    def __init__(self, window: Window, lowest: float | ResidualSign = -math.inf) -> None:
        super().__init__()
        self.window = window
        self.lowest = -math.inf if isinstance(lowest, ResidualSign) else lowest
        self._signs = (lowest,) if isinstance(lowest, ResidualSign) else ()  # in a tuple, and so no part

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded map."""
        if self._signs:
            return self.codes(x, self._signs[0].gammas)
        return functional.pad(x, self.widths(*x.shape[2:]), value=self.lowest)

    def codes(self, codes: Tensor, gammas: Tensor) -> Tensor:
        """What residual signs make of a padded map, from what they make of the map itself.

        Every level of the border is -1, so its value is -sum(gamma), and it adds -1 * dL/de to each dL/dgamma_i.

        Args:
            codes: Values behind the residual signs, N x C x H x W.
            gammas: Their factors, shape [M].

        Returns:
            Values behind the residual signs of the padded map.
        """
        lowest = torch.zeros((), device=codes.device)
        for gamma in gammas.unbind():
            lowest = lowest - gamma
        border = self.border(codes.shape[2], codes.shape[3]).to(codes.device)
        return torch.where(border, lowest.to(codes.dtype), functional.pad(codes, self.widths(*codes.shape[2:])))

    def operations(self, said: Said) -> Said:
        """Padding for the convolution behind; no operation of its own."""
        said = said.maps(self)
        if self._signs:
            return self._of_codes(said, self._signs[0])
        complaint = said.error(
            f"PadLowest with lowest={self.lowest}",
            "stands neither behind PixelInput with lowest=-1 nor directly before a ResidualSign with lowest=-inf, so "
            "the border is not the lowest code; move it there",
        )
        of_pixels = said.source == PIXELS and self.lowest == -1
        if said.padding is not None or not (of_pixels or self.lowest == -math.inf):
            raise complaint if said.padding is None or said.padding.coded else said.padding.complaint
        return replace(said, padding=Padding(self.window, complaint, of_pixels))

    def _of_codes(self, said: Said, sign: ResidualSign) -> Said:
        network = said.network("")
        at = network.by_name.get(said.source)
        while at is not None and isinstance(at.op, ops.MaxPool):
            at = network.before(at)
        op = None if at is None else at.op
        signs = (*op.fewer, op) if isinstance(op, ops.ResidualSign) else ()
        wrong = said.error(
            self, "stands behind something else than the residual sign that it is given, or than pools of its codes"
        )
        if said.padding is not None or tuple(sign.gammas.tolist()) not in [one.gammas for one in signs]:
            raise wrong
        return replace(said, padding=Padding(self.window, wrong, coded=True))

    def widths(self, height: int, width: int) -> list[int]:
        """Columns before and after a map of this size, rows before and after it, as `functional.pad` takes them."""
        return [*self.window.padding(width), *self.window.padding(height)]

    def border(self, height: int, width: int) -> Tensor:
        """Which places of the padded map are its border, bool, H' x W'."""
        return functional.pad(torch.zeros(height, width, dtype=torch.bool), self.widths(height, width), value=True)

    def extra_repr(self) -> str:
        """The window and the value."""
        return f"{self.window}, lowest={self.lowest}"


class MaxPool2d(nn.MaxPool2d):
    """torch's max-pool without padding or dilation; where windows part the map in blocks, comparisons of shifted maps.

    Compiled on a CPU, comparisons fuse with what stands around them, where the gradient of torch's own pool is a
    scatter; elements of a block that tie share the gradient. Windows that overlap or are large are torch's own pool,
    which gives the gradient to the first of those that tie: a compiler would unfold their comparisons without end.

    Shapes: N x C x H x W in, N x C x H' x W' out with H' = (H - K)//stride + 1.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__(kernel, stride)
        self.window = Window(kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the largest value of every window."""
        kernel, stride = self.window.kernel, self.window.stride
        if kernel != stride or kernel > LARGEST_BLOCK or not torch.is_grad_enabled():
            plain: Tensor = super().forward(x)
            return plain
        height, width = (places - places % kernel for places in x.shape[2:])
        pooled: Tensor = _BlockMaximum.apply(x[:, :, :height, :width], kernel)  # type: ignore[no-untyped-call]
        return pooled

    def operations(self, said: Said) -> Said:
        """A max-pool."""
        return max_pool(self, said)


class _BlockMaximum(torch.autograd.Function):
    """The largest element of each K x K block of maps that K divides; the gradient is one pass over the blocks."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: int) -> Tensor:
        largest = reduce(torch.maximum, _corners(_blocks(x, kernel)))
        ctx.save_for_backward(x, largest)
        ctx.kernel = kernel
        return largest.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, largest = ctx.saved_tensors
        chosen = _blocks(x, ctx.kernel) == largest[:, :, None, :, None]
        ties = sum(corner.to(torch.float32) for corner in _corners(chosen))
        share = (gradient.permute(0, 2, 3, 1) / ties)[:, :, None, :, None]
        spread = torch.where(chosen, share, 0.0).to(gradient.dtype)
        count, channels, height, width = x.shape
        return spread.reshape(count, height, width, channels).permute(0, 3, 1, 2), None


def _blocks(x: Tensor, kernel: int) -> Tensor:
    """N x C x H x W as N x H/K x K x W/K x K x C."""
    count, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(count, height // kernel, kernel, width // kernel, kernel, channels)


def _corners(blocks: Tensor) -> list[Tensor]:
    """The K*K places of every block, each N x H/K x W/K x C."""
    kernel = blocks.shape[2]
    return [blocks[:, :, row, :, column] for row in range(kernel) for column in range(kernel)]


class FlattenHWC(nn.Module):
    """Maps to vectors in the order height, width, channel, in which hardware streams them.

    Shapes: N x C x H x W in, N x (H*W*C) out.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors."""
        return x.permute(0, 2, 3, 1).flatten(1)

    def operations(self, said: Said) -> Said:
        """Nothing: the operations' maps stand in this order."""
        return replace(said.maps(self, "leave it out"), flat=True)
