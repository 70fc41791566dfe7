"""Upsampling by whole factors in float, to the nearest: what closes an encoder-decoder."""

from torch import Tensor, nn

from rebnet.ir.features import Upsample
from rebnet.nn.operations import Said
from rebnet.spec.upsample import Factors


class Upsample2d(nn.Module):
    """Every row of a map `rows` times, and every place of it `columns` times.

    Forward: y[i, j] = x[i // rows, j // columns]. Gradient: of x, the sum over its block. It commutes with all that
    works place by place, BatchNorm and a residual sign among them: lowering repeats codes, however early it stands.

    Shapes: N x C x H x W in, N x C x H·rows x W·columns out.

    Args:
        rows: How often each row stands.
        columns: How often each place of a row stands.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.factors = Factors(rows, columns)

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger map."""
        count, channels, height, width = x.shape
        rows, columns = self.factors.rows, self.factors.columns
        spread = x[:, :, :, None, :, None].expand(count, channels, height, rows, width, columns)
        return spread.reshape(count, channels, height * rows, width * columns)

    def operations(self, said: Said) -> Said:
        """An upsampling."""
        return said.maps(self).then(self, Upsample(self.factors))

    def extra_repr(self) -> str:
        """The factors."""
        return str(self.factors)
