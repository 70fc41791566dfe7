"""Image bytes to the values that their top bits already encode.

For the top k bits u of a pixel, 2u - (2^k - 1) = sum_j 2^j * (2*b_j - 1): a k-level residual code with
factors (2^(k-1), ..., 2, 1)/(2^k - 1). So a binarized network needs no special first layer.
"""

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir import ops
from rebnet.nn.operations import Said
from rebnet.nn.options import check_input_bits


class PixelInput(nn.Module):
    """Pixels to values: x = (2u - (2^k - 1)) / (2^k - 1) for the top k bits u of each byte.

    Shapes: uint8 N x H x W x C in; float32 out, each value in [-1, 1]: N x (H*W*C) in the order height, width,
    channel for a dense layer, or N x C x H x W for a convolution.

    Args:
        height: Rows of an image, in pixels.
        width: Columns of an image, in pixels.
        channels: Samples per pixel.
        bits: k, 1 to 8; k = 1 keeps only whether a pixel is at least 128.
        flat: Give vectors rather than maps.

    Raises:
        OptionError: `bits` is not legal, or (in `forward`) the images have another type or shape.
    """

    def __init__(self, height: int, width: int, channels: int, bits: int = 8, flat: bool = True) -> None:
        super().__init__()
        check_input_bits(bits)
        self.height = height
        self.width = width
        self.channels = channels
        self.bits = bits
        self.flat = flat

    def forward(self, images: Tensor) -> Tensor:
        """Return x, N x (H*W*C) or N x C x H x W."""
        wanted = (self.height, self.width, self.channels)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != wanted:
            raise OptionError(
                f"images of type {images.dtype} and shape {tuple(images.shape)}: the network takes torch.uint8 of "
                f"shape (N, {self.height}, {self.width}, {self.channels}); give whole images, channels last"
            )
        top = 2**self.bits - 1
        kept = torch.bitwise_right_shift(images, 8 - self.bits).float()
        values: Tensor = (2 * kept - top) / top
        return values.flatten(1) if self.flat else values.permute(0, 3, 1, 2)

    def said(self, place: str) -> Said:
        """What a network that begins with this module has said behind it; `place` is for messages."""
        return Said(place, ops.PixelInput(self.height, self.width, self.channels, self.bits), self.flat)

    def extra_repr(self) -> str:
        """Shape, bit depth and layout."""
        shape = f"height={self.height}, width={self.width}, channels={self.channels}"
        return f"{shape}, bits={self.bits}, flat={self.flat}"
