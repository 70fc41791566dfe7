"""Weights of more than one bit, as planes of ±1: what a latent weight becomes, and what each plane counts.

A weight is w = Σ_j h_j·s_j with s_j = ±1. Latent weights are measured in their layer's root mean square, which no
gradient sees and which BatchNorm cancels, so that levels follow the latents as they grow.

* k bits: the odd integer nearest to latent/Δ, from -(2^k - 1) to 2^k - 1, of which s_j is bit j and h = 2^(k-1) … 1.
  Δ is half the step with which a uniform quantizer of 2^k levels has the least mean square error on normal numbers
  (J. Max, "Quantizing for minimum distortion", 1960).
* Ternary: 2, 0 or -2, h = (1, 1); 0 within 0.7 of the mean size (Ternary Weight Networks, arXiv:1605.04711, section 2).
* Residual: s_j is the sign of what the planes before left over, r_{j+1} = r_j - γ_j·s_j, with factors γ that train, as
  activations have (arXiv:1711.01243, Algorithm 1); at the end of a training γ_j = h_j/2^f with whole numbers h_j.

Gradient of all: dL/dlatent = dL/dw·Σ h_j (straight through), and of residual planes dL/dγ_j = Σ dL/dw·s_j.
"""

import torch
from torch import Tensor, nn

from rebnet.ir.architecture import ONE_BIT, Weights
from rebnet.nn.residual import sign
from rebnet.spec.gains import choose_gains

STEPS = (1.5958, 0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308)
"""Of a uniform quantizer of 1 … 8 bits, in standard deviations."""
FIRST = 0.8
"""The first factor of residual planes at the start, about the mean size of normal numbers; each next one is half."""
TERNARY_SHARE = 0.7
"""Weights of less than this share of the mean size are 0."""


class WeightPlanes(nn.Module):
    """What a layer's latent weights become, where that is more than a sign.

    Attributes:
        kind: What the weights are.
        log_increments: Of residual planes, d = exp(log_increments) and γ_j = d_j + Σ of the later ones.
        snapped: Of residual planes, γ on the grid of whole numbers, once it is set.
        fraction_bits: f of that grid.
    """

    snapped: Tensor
    is_snapped: Tensor
    fraction_bits: Tensor

    def __init__(self, kind: Weights) -> None:
        super().__init__()
        assert kind != ONE_BIT
        self.kind = kind
        if kind.gains is None:
            self.log_increments = nn.Parameter(torch.log(torch.full((kind.planes,), FIRST / 2 ** (kind.planes - 1))))
            self.register_buffer("snapped", torch.zeros(kind.planes))
            self.register_buffer("is_snapped", torch.tensor(False))
            self.register_buffer("fraction_bits", torch.tensor(0))

    @property
    def trains(self) -> bool:
        """Whether what the planes count is trained."""
        return self.kind.gains is None

    @property
    def factors(self) -> Tensor:
        """γ_1 …, or h_1 … where these are given."""
        if self.kind.gains is not None:
            return torch.tensor(self.kind.gains, dtype=torch.float32)
        trained = self.log_increments.exp().flip(0).cumsum(0).flip(0)
        return torch.where(self.is_snapped, self.snapped, trained)

    @property
    def gains(self) -> tuple[int, ...]:
        """h_1 … of the planes; of residual ones, of γ on the grid."""
        if self.kind.gains is not None:
            return self.kind.gains
        return self._grid()[0]

    @property
    def unit(self) -> float:
        """What a unit of the gains is worth in `quantized`: 1, or 2^-f."""
        return 1.0 if self.kind.gains is not None else 2.0 ** -self._grid()[1]

    @property
    def is_on_grid(self) -> bool:
        """Whether what the planes count is whole numbers."""
        return self.kind.gains is not None or bool(self.is_snapped)

    def _grid(self) -> tuple[tuple[int, ...], int]:
        """Whole numbers and f of the factors; those that are set, or else the nearest of a few bits."""
        if self.is_snapped:
            fraction_bits = int(self.fraction_bits)
            return tuple(round(gamma * 2.0**fraction_bits) for gamma in self.snapped.tolist()), fraction_bits
        return choose_gains(self.factors.detach().double().tolist(), 1, 1, min(8, self.kind.planes + 3))

    @torch.no_grad()
    def snap_(self) -> None:
        """Put the factors on the grid of whole numbers; from then on they do not train."""
        if self.kind.gains is not None:
            return
        gains, fraction_bits = self._grid()
        self.snapped.copy_(torch.tensor([gain / 2.0**fraction_bits for gain in gains]))
        self.fraction_bits.fill_(fraction_bits)
        self.is_snapped.fill_(True)

    def release_(self) -> None:
        """Let the factors train again."""
        if self.trains:
            self.is_snapped.fill_(False)

    def signs(self, latent: Tensor) -> Tensor:
        """The planes of ±1, planes x the shape of `latent`, without gradient."""
        latent = latent.detach()
        size = latent.square().mean().sqrt().clamp(min=1e-30)
        if self.kind.kind == "t":
            least = TERNARY_SHARE * latent.abs().mean()
            return torch.stack([sign(latent + least), sign(latent - least)])
        if self.kind.kind == "r":
            rest, planes = latent / size, []
            for factor in self.factors.detach().unbind():
                planes.append(sign(rest))
                rest = rest - factor * planes[-1]
            return torch.stack(planes)
        most = 2**self.kind.planes - 1
        step = STEPS[self.kind.planes - 1]
        code = ((latent / (size * step)).floor() + (most + 1) // 2).clamp(0, most).to(torch.int64)
        bits = [code >> place & 1 for place in reversed(range(self.kind.planes))]
        return (2 * torch.stack(bits) - 1).to(latent.dtype)

    def quantized(self, latent: Tensor) -> Tensor:
        """W = Σ h_j·s_j, or Σ γ_j·s_j, in the shape of `latent`; gradients as above."""
        factors = self.factors.to(latent)
        weights = torch.tensordot(factors, self.signs(latent), dims=1)
        size = factors.detach().sum()
        through: Tensor = weights + size * (latent - latent.detach())
        return through

    def extra_repr(self) -> str:
        """Bits, ternary or residual planes."""
        return str(self.kind)


def spread(kind: Weights) -> float:
    """About the root mean square of `WeightPlanes.quantized`, of normal latents."""
    if kind.kind == "t":
        return 1.5
    return 1.0 if kind.kind == "r" else 2 / STEPS[kind.planes - 1]
