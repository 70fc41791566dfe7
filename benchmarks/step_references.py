"""What the methods' training steps are measured against: ResNet-20 with 1-bit weights and activations, made elsewhere.

`larq-style` is what most papers' own code is: `torch.nn.Conv2d` on signs with a clipped identity as gradient, as
larq's `ste_sign` (arXiv:1602.02830) and its layers compute. `brevitas` has the quantizers of Brevitas' own 1-bit
networks (`brevitas_examples.bnn_pynq`), where it is installed: `pip install brevitas==0.13.4 dependencies==2.0.1
unfoldNd --no-deps`.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.train.images import Images

Layer = Callable[[int, int, int, int, bool], nn.Module]
"""A layer that binarizes its input unless it is first; from channels, rows, kernel (0: dense), stride, first."""


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        return gradient * (x.abs() <= 1)


class _LarqStyle(nn.Module):
    def __init__(self, channels: int, rows: int, kernel: int, stride: int, first: bool) -> None:
        super().__init__()
        self.first, self.stride, self.padding = first, stride, kernel // 2
        shape = (rows, channels, kernel, kernel) if kernel else (rows, channels)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.first else _Sign.apply(x)  # type: ignore[no-untyped-call]
        weight: Tensor = _Sign.apply(self.weight)  # type: ignore[no-untyped-call]
        if weight.dim() == 2:
            return nn.functional.linear(x, weight)
        return nn.functional.conv2d(x, weight, stride=self.stride, padding=self.padding)


def _brevitas(channels: int, rows: int, kernel: int, stride: int, first: bool) -> nn.Module:
    import brevitas.nn as qnn
    from brevitas_examples.bnn_pynq.models.common import CommonActQuant, CommonWeightQuant

    weights = {"weight_quant": CommonWeightQuant, "weight_bit_width": 1, "bias": False}
    layer: nn.Module
    if kernel:
        layer = qnn.QuantConv2d(channels, rows, kernel, stride=stride, padding=kernel // 2, **weights)
    else:
        layer = qnn.QuantLinear(channels, rows, **weights)
    return layer if first else nn.Sequential(qnn.QuantIdentity(act_quant=CommonActQuant, bit_width=1), layer)


class ResNet20(nn.Module):
    """`rebnet.nn.networks.resnet_20.TEXT`, a shortcut around every convolution, of layers from elsewhere."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.stem = nn.Sequential(layer(3, 16, 3, 1, True), nn.BatchNorm2d(16))
        self.blocks, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        channels = 16
        for rows in (16, 32, 64):
            for _ in range(6):
                stride = 2 if rows > channels else 1
                self.blocks.append(nn.Sequential(layer(channels, rows, 3, stride, False), nn.BatchNorm2d(rows)))
                down = [layer(channels, rows, 1, 2, False), nn.BatchNorm2d(rows)] if stride == 2 else []
                self.shortcuts.append(nn.Sequential(*down))
                channels = rows
        self.last = nn.Sequential(layer(64, 10, 0, 1, False), nn.BatchNorm1d(10))

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, 10) of images (N, 3, 32, 32)."""
        x = self.stem(images)
        for block, shortcut in zip(self.blocks, self.shortcuts, strict=True):
            x = block(x) + shortcut(x)
        scores: Tensor = self.last(x.mean((2, 3)))
        return scores


def references(batch: Images, compiled: bool, bfloat16: bool) -> dict[str, Callable[[], object]]:
    """Training steps by name: loss, gradients and Adam, weights clipped to [-1, 1] behind it.

    Args:
        batch: images of 32 x 32 x 3, and labels.
        compiled: compile what can be; Brevitas' quantizers are scripts of their own and stay as they are.
        bfloat16: compute convolutions in bfloat16, as rebnet does where the processor has it.
    """
    found: dict[str, Layer] = {"larq-style": _LarqStyle}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import brevitas.nn  # noqa: F401
    except ImportError:
        pass
    else:
        found["brevitas"] = _brevitas
    return {
        name: _step(ResNet20(layer), batch, compiled and name != "brevitas", bfloat16) for name, layer in found.items()
    }


def _step(model: ResNet20, batch: Images, compiled: bool, bfloat16: bool) -> Callable[[], object]:
    pixels, labels = batch.pixels.permute(0, 3, 1, 2), batch.labels
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    weights: list[Tensor] = [weight for weight in model.parameters() if weight.dim() > 1]

    def loss_of(pixels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            scores = model(pixels.float() / 127.5 - 1)
        return nn.functional.cross_entropy(scores.float(), labels)

    if compiled:
        loss_of = torch.compile(loss_of)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(pixels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            torch._foreach_clamp_min_(weights, -1)
            torch._foreach_clamp_max_(weights, 1)

    return step
