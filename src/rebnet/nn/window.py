"""Windows over maps in float: padding, pooling, and the order in which a dense layer takes a whole map."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir import ops
from rebnet.ir.features import Moved, Stack
from rebnet.ir.network import PIXELS
from rebnet.nn.operations import Padding, Said
from rebnet.nn.residual import ResidualSign
from rebnet.nn.stored import stored
from rebnet.spec.window import NO_PADS, Pads, Pair, Window

LARGEST_BLOCK = 4
"""Pools of so many rows and columns, and smaller ones, are comparisons."""


class PadLowest(nn.Module):
    """Pad a map for a convolution: the border becomes the lowest code, all bits 0, of value -sum(gamma).

    Zero does not exist in a binary map. This module stands directly before the residual sign (after BatchNorm and
    pool) and pads with -inf, all of whose levels are -1; so the border follows the factors in use, gives them their
    gradient, and needs to know nothing about them. Behind `PixelInput` the lowest value is known: give `lowest=-1`.
    Behind a residual sign whose codes are read without a border too, give that sign: `lowest=sign`; behind a sum of
    codes, all of their signs.

    Gradient: that of the inner map. Behind the residual sign each border element adds -1 * dL/de to dL/dgamma_i.

    Shapes: N x C x H x W in; out, both axes are longer by `window.padding`.

    Args:
        window: The window of the convolution that follows, with its padding.
        lowest: The value to pad with, or the residual sign whose codes are padded; that sign is no part of this module.
    """

    def __init__(self, window: Window, lowest: float | ResidualSign | Sequence[ResidualSign] = -math.inf) -> None:
        super().__init__()
        self.window = window
        signs = (lowest,) if isinstance(lowest, ResidualSign) else lowest if isinstance(lowest, Sequence) else ()
        self.lowest = lowest if isinstance(lowest, float | int) else -math.inf
        self._signs: tuple[ResidualSign, ...] = tuple(signs)  # in a tuple, and so no part

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded map."""
        if self._signs:
            return self._behind(x, self._signs)
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
        inner: Tensor = _Padded.apply(codes, self.widths(*codes.shape[2:]))  # type: ignore[no-untyped-call]
        return torch.where(border, lowest.to(codes.dtype), inner)

    def _behind(self, x: Tensor, signs: Sequence[ResidualSign]) -> Tensor:
        offsets = [sign.offset for sign in signs if sign.offset is not None]
        gammas = [sign.gammas for sign in signs]
        if not offsets:
            return self.codes(x, gammas[0] if len(gammas) == 1 else torch.cat(gammas))
        about = sum(offsets[1:], offsets[0]).reshape(-1, *[1] * (x.ndim - 2))
        return self.codes(x - about, torch.cat(gammas)) + about

    def operations(self, said: Said) -> Said:
        """Padding for the convolution behind; no operation of its own."""
        said = said.maps(self)
        if self._signs:
            return self._of_codes(said)
        complaint = said.error(
            f"PadLowest with lowest={self.lowest}",
            "stands neither behind PixelInput with lowest=-1 nor directly before a ResidualSign with lowest=-inf, so "
            "the border is not the lowest code; move it there",
        )
        of_pixels = said.source == PIXELS and self.lowest == -1
        if said.padding is not None or not (of_pixels or self.lowest == -math.inf):
            raise complaint if said.padding is None or said.padding.coded else said.padding.complaint
        return replace(said, padding=Padding(self.window, complaint, of_pixels))

    def _of_codes(self, said: Said) -> Said:
        network = said.network("")
        at = network.by_name.get(said.source)
        while at is not None and isinstance(at.op, ops.MaxPool | Moved):
            at = network.before(at)
        stacked = at is not None and isinstance(at.op, Stack)
        nodes = [network.by_name[source] for source in network.sources(at)] if at is not None and stacked else [at]
        signs = [_gammas_of(None if node is None else node.op) for node in nodes]
        wrong = said.error(
            self, "stands behind something else than the residual sign that it is given, or than pools of its codes"
        )
        given = [tuple(sign.gammas.tolist()) for sign in self._signs]
        if said.padding is not None or len(given) != len(signs):
            raise wrong
        if not all(one in known for one, known in zip(given, signs, strict=True)):
            raise wrong
        return replace(said, padding=Padding(self.window, wrong, coded=True))

    def follow(self, others: Mapping[ResidualSign, ResidualSign]) -> None:
        """Pad codes of another residual sign from now on, where the one that was given has become another."""
        self._signs = tuple(others.get(one, one) for one in self._signs)

    def widths(self, height: int, width: int) -> list[int]:
        """Columns before and after a map of this size, rows before and after it, as `functional.pad` takes them."""
        rows, columns = self.window.padding(height, width)
        return [*columns, *rows]

    def border(self, height: int, width: int) -> Tensor:
        """Which places of the padded map are its border, bool, H' x W'."""
        return functional.pad(torch.zeros(height, width, dtype=torch.bool), self.widths(height, width), value=True)

    def extra_repr(self) -> str:
        """The window and the value."""
        return f"{self.window}, lowest={self.lowest}"


def _gammas_of(op: ops.Op | None) -> list[tuple[float, ...]]:
    """The factors of a residual sign, or of those for each number of levels."""
    return [one.gammas for one in (*op.fewer, op)] if isinstance(op, ops.ResidualSign) else []


class _Padded(torch.autograd.Function):
    """A map with a border of zeros; a compiled step stores the gradient of the map inside.

    Read out of the middle of a larger map it breaks the vectors of all that is computed of it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, widths: list[int]) -> Tensor:
        ctx.widths = widths
        return functional.pad(x, widths)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return stored(functional.pad(gradient, [-width for width in ctx.widths])), None


class MaxPool2d(nn.MaxPool2d):
    """torch's max-pool without dilation; where windows part the map in blocks, comparisons of shifted maps.

    Compiled on a CPU, comparisons fuse with what stands around them, where the gradient of torch's own pool is a
    scatter; elements of a block that tie share the gradient. Windows that overlap or are large are torch's own pool,
    which gives the gradient to the first of those that tie: a compiler would unfold their comparisons without end.

    Shapes: N x C x H x W in, N x C x H' x W' out with H' = (H + padding - K)//stride + 1.

    Args:
        kernel: Rows and columns of a window, a number for both.
        stride: Rows and columns that it moves by.
        same: Pad so that there are ceil(in/stride) windows along each axis.
        pads: Rows above and below, columns left and right that pad the map; what pads it is never the largest.
    """

    def __init__(
        self, kernel: int | Pair, stride: int | Pair, same: bool = False, pads: int | Pair | Pads = NO_PADS
    ) -> None:
        super().__init__(kernel, stride)
        self.window = Window(kernel, stride, same, pads)

    def forward(self, x: Tensor) -> Tensor:
        """Return the largest value of every window."""
        kernel, height, width = self.window.kernel, *x.shape[2:]
        rows, columns = self.window.padding(height, width)
        if any(rows) or any(columns):
            x = functional.pad(x, [*columns, *rows], value=-math.inf)
        elif kernel == self.window.stride and max(kernel) <= LARGEST_BLOCK and torch.is_grad_enabled():
            whole = x[:, :, : height - height % kernel[0], : width - width % kernel[1]]
            pooled: Tensor = _BlockMaximum.apply(whole, kernel)  # type: ignore[no-untyped-call]
            return pooled
        plain: Tensor = super().forward(x)
        return plain

    def operations(self, said: Said) -> Said:
        """A max-pool."""
        return said.maps(self).then(self, ops.MaxPool(self.window))

    def extra_repr(self) -> str:
        """The window."""
        return str(self.window)


class _BlockMaximum(torch.autograd.Function):
    """The largest element of each block of maps that blocks divide; the gradient is one pass over the blocks."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Pair) -> Tensor:
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


def _blocks(x: Tensor, kernel: Pair) -> Tensor:
    """N x C x H x W as N x H/R x R x W/S x S x C with R rows and S columns of a block."""
    (count, channels, height, width), (rows, columns) = x.shape, kernel
    return x.permute(0, 2, 3, 1).reshape(count, height // rows, rows, width // columns, columns, channels)


def _corners(blocks: Tensor) -> list[Tensor]:
    """The places of every block, each N x H/R x W/S x C."""
    rows, columns = blocks.shape[2], blocks.shape[4]
    return [blocks[:, :, row, :, column] for row in range(rows) for column in range(columns)]


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
