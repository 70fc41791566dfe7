"""PyTorch on the CPU: eager and torch.compile, fp32 and bf16, and int8 through torchao's export quantization."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cpu_peers.described import Code, Described, Layer
from cpu_peers.job import Call, Way, Work

CALIBRATION = 64  # images
SEARCHED = "compiled, max-autotune, C++ wrapper"


def ways(work: Work) -> list[Way]:
    """Eager, compiled, and compiled with the search for the fastest kernels."""
    choices = ["compiled"] if work.job.precision == "int8" else ["eager", "compiled"]
    choices += [] if work.job.quick else [SEARCHED]
    return [Way(choice, work.job.batch) for choice in choices]


class Network(nn.Module):
    """A described network."""

    def __init__(self, described: Described) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(layer, layer is described.layers[-1]) for layer in described.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of images N x channels x height x width, or of N vectors."""
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    """One layer and what follows it."""

    def __init__(self, layer: Layer, last: bool) -> None:
        super().__init__()
        shape = layer.weights.shape
        self.weighted: nn.Module
        if layer.is_conv:
            self.weighted = nn.Conv2d(shape[1], shape[0], shape[2])
        else:
            self.weighted = nn.Linear(shape[1], shape[0])
        self.weighted.weight = nn.Parameter(torch.from_numpy(layer.weights.copy()))
        self.weighted.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
        self.flattens = not layer.is_conv
        self.pool = layer.pool
        self.behind: nn.Module = nn.Identity() if last else nn.ReLU()
        if layer.code is not None:
            self.behind = _Signs(layer.code, layer.per_row)

    def forward(self, x: Tensor) -> Tensor:
        x = self.weighted(x.flatten(1) if self.flattens else x)
        if self.pool is None:
            return self.behind(x)  # type: ignore[no-any-return]
        if isinstance(self.behind, nn.ReLU):
            return functional.max_pool2d(self.behind(x), *self.pool)
        return self.behind(functional.max_pool2d(x, *self.pool))  # type: ignore[no-any-return]


class _Signs(nn.Module):
    """Σ gains_i·sign(r_i) of an odd r, whose sign is r clipped to -1 … 1."""

    steps: Tensor

    def __init__(self, code: Code, per_row: tuple[int, ...]) -> None:
        super().__init__()
        self.gains, self.per_row = code.gains, per_row
        self.register_buffer("steps", torch.from_numpy(code.steps.copy()))

    def forward(self, r: Tensor) -> Tensor:
        sign = r.clamp(-1, 1)
        total = self.gains[0] * sign
        for gain, step in zip(self.gains[1:], self.steps, strict=True):
            r = r - step.reshape(self.per_row) * sign
            sign = r.clamp(-1, 1)
            total = total + gain * sign
        return total


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images."""
    torch.set_num_threads(work.job.threads)
    warnings.simplefilter("ignore")  # of compilers and of torch's own deprecations
    kind = torch.bfloat16 if work.job.precision == "bf16" else torch.float32
    inputs = torch.from_numpy(work.inputs).to(kind)
    model = Network(work.described).eval().to(kind)
    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts = [inputs[part].clone() for part in work.batches(way)]
    with torch.no_grad():
        called = _quantized(model, parts, inputs[:CALIBRATION]) if work.job.precision == "int8" else model
        if way.choice != "eager":
            called = _compiled(called, way.choice == SEARCHED)
        called(parts[0])
    return [_call(called, part) for part in parts]


def _compiled(model: Any, search: bool) -> Any:
    from torch._inductor import config

    config.freezing = True  # weights are constants: packed beforehand
    torch._dynamo.reset()
    return torch.compile(model, dynamic=False, options={"max_autotune": True, "cpp_wrapper": True} if search else None)


def _quantized(model: nn.Module, parts: Sequence[Tensor], calibration: Tensor) -> Any:
    """The model quantized for x86: activations uint8, weights int8 per row."""
    from torchao.quantization.pt2e import move_exported_model_to_eval
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer

    exported = torch.export.export(model, (parts[0],)).module()
    quantizer = x86_inductor_quantizer.X86InductorQuantizer()
    quantizer.set_global(x86_inductor_quantizer.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(exported, quantizer)
    size = len(parts[0])
    for start in range(0, max(len(calibration), size), size):
        prepared(parts[start // size])
    converted = convert_pt2e(prepared)
    move_exported_model_to_eval(converted)
    return converted


def _call(called: Any, images: Tensor) -> Call:
    def call() -> Any:
        with torch.no_grad():
            return called(images)

    return call
