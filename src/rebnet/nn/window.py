"""Windows over maps in float: padding, pooling, and the order in which a dense layer takes a whole map."""

import math
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.nn.operations import Padding, Said, max_pool
from rebnet.spec.window import Window

LARGEST_BLOCK = 4
"""Pools of so many rows and columns, and smaller ones, are comparisons."""


class PadLowest(nn.Module):
    """Pad a map for a 'same' convolution: the border becomes the lowest code, all bits 0, of value -sum(gamma).

    Zero does not exist in a binary map. This module stands directly before the residual sign (after BatchNorm and
    pool) and pads with -inf, all of whose levels are -1; so the border follows the factors in use, gives them their
    gradient, and needs to know nothing about them. Behind `PixelInput` the lowest value is known: give `lowest=-1`.

    Gradient: that of the inner map. Behind the residual sign each border element adds -1 * dL/de to dL/dgamma_i.

    Shapes: N x C x H x W in; out, both axes are longer by `window.padding`, floor half before and the rest after.

    Args:
        window: The window of the convolution that follows, with same=True.
        lowest: The value to pad with.
    """

    def __init__(self, window: Window, lowest: float = -math.inf) -> None:
        super().__init__()
        self.window = window
        self.lowest = lowest

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded map."""
        return functional.pad(x, self.widths(*x.shape[2:]), value=self.lowest)

    def operations(self, said: Said) -> Said:
        """Padding for the convolution behind; no operation of its own."""
        said = said.maps(self)
        complaint = said.error(
            f"PadLowest with lowest={self.lowest}",
            "stands neither behind PixelInput with lowest=-1 nor directly before a ResidualSign with lowest=-inf, so "
            "the border is not the lowest code; move it there",
        )
        of_pixels = not said.ops and self.lowest == -1
        if said.padding is not None or not (of_pixels or self.lowest == -math.inf):
            raise complaint if said.padding is None or said.padding.coded else said.padding.complaint
        return replace(said, padding=Padding(self.window, complaint, of_pixels))

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
