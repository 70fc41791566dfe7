"""Depth to space in float, torch's pixel shuffle: what gives a map back the size that a stride took."""

from torch import Tensor, nn
from torch.nn import functional

from rebnet.ir.features import DepthToSpace
from rebnet.nn.operations import Said


class DepthToSpace2d(nn.Module):
    """Every place of a map as block x block places, among which its channels are parted.

    Forward: y[c, i·block + k, j·block + l] = x[c·block² + k·block + l, i, j], as torch's PixelShuffle. Gradient: the
    same elements at their places. It commutes with all that works element by element, a residual sign among them:
    lowering moves codes, however early it stands. Behind a convolution of kernel and stride `block` it makes RB-Net's
    reshaped point-wise convolution, which keeps a map's size (Liu et al., IEEE TCSVT 32(9), 2022).

    Shapes: N x C·block² x H x W in, N x C x H·block x W·block out.

    Args:
        block: Rows of a block, and its columns.
    """

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger map."""
        return functional.pixel_shuffle(x, self.block)

    def operations(self, said: Said) -> Said:
        """Depth to space."""
        return said.maps(self).then(self, DepthToSpace(self.block))

    def extra_repr(self) -> str:
        """The block's rows and columns."""
        return str(self.block)
