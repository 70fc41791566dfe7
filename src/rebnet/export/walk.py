"""From a torch module to the operations of a network: the float values as they are, weights as bits."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir.notation import Folding
from rebnet.ir.ops import BatchNorm, BitMatrix, Dense, Floats, Network, Op, PixelInput, ResidualSign
from rebnet.ir.verify import verify
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.pixels import PixelInput as PixelModule
from rebnet.nn.residual import ResidualSign as SignModule
from rebnet.spec.gains import choose_gains


def walk(model: nn.Sequential, name: str, foldings: Sequence[Folding | None]) -> Network:
    """The operations of `model` in order.

    Args:
        model: PixelInput, then BinaryLinear, BatchNorm1d and ResidualSign in turn; factors on the grid of gains.
        name: name of the network.
        foldings: folding of each BinaryLinear, None where it is open.

    Raises:
        OptionError: the module holds something else, or its factors were not snapped to gains.
        VerifyError: its modules stand in an order that is no network.
    """
    modules = [module for module in model if not isinstance(module, nn.Identity | nn.Dropout)]
    if not modules or not isinstance(modules[0], PixelModule):
        found = type(modules[0]).__name__ if modules else "nothing"
        raise OptionError(f"{name}: starts with {found}; the first module must be rebnet.nn.pixels.PixelInput")
    pixels = modules[0]
    signs = [module for module in modules if isinstance(module, SignModule)]
    levels = {module.levels for module in signs} or {1}
    if len(levels) > 1:
        raise OptionError(f"{name}: residual signs of {sorted(levels)} levels; give all of them the same number")
    ops: list[Op] = []
    for position, module in enumerate(modules[1:], start=2):
        ops.append(_op(name, position, module, sum(isinstance(op, Dense) for op in ops), foldings))
    ops = _with_fractions(name, ops, pixels, levels.pop())
    image = PixelInput(pixels.height, pixels.width, pixels.channels, pixels.bits)
    return verify(Network(name, signs[0].levels if signs else 1, image, tuple(ops)))


def _op(name: str, position: int, module: nn.Module, layer: int, foldings: Sequence[Folding | None]) -> Op:
    if isinstance(module, BinaryLinear):
        bits = (module.binary_weight > 0).cpu().numpy()
        folding = foldings[layer] if layer < len(foldings) else None
        return Dense(f"layer_{layer + 1}", BitMatrix.pack(bits), float(module.scale.item()), folding)
    if isinstance(module, nn.BatchNorm1d):
        return _batchnorm(name, position, module)
    if isinstance(module, SignModule):
        return ResidualSign(tuple(float(gamma) for gamma in module.gammas.tolist()), fraction_bits=0)
    raise OptionError(
        f"{name}: module {position} is a {type(module).__name__}; use PixelInput, BinaryLinear, BatchNorm1d and "
        "ResidualSign (Dropout and Identity are passed over)"
    )


def _batchnorm(name: str, position: int, module: nn.BatchNorm1d) -> BatchNorm:
    if module.running_mean is None or module.running_var is None:
        raise OptionError(f"{name}: module {position}, BatchNorm1d, keeps no running statistics; make it with them")
    ones = torch.ones(module.num_features)
    return BatchNorm(
        mean=_floats(module.running_mean),
        variance=_floats(module.running_var),
        weight=_floats(ones if module.weight is None else module.weight),
        bias=_floats(0 * ones if module.bias is None else module.bias),
        epsilon=module.eps,
    )


def _floats(values: Tensor) -> Floats:
    return values.detach().cpu().double().numpy().astype(np.float64)


def _with_fractions(name: str, ops: list[Op], pixels: PixelModule, levels: int) -> list[Op]:
    """Find the fraction bits of each residual sign: its factors must be exactly gains over a power of two."""
    result: list[Op] = []
    for index, op in enumerate(ops):
        if isinstance(op, ResidualSign) and len(op.gammas) > 1:
            result.append(_on_grid(name, op, ops[index + 1] if index + 1 < len(ops) else None, levels))
        else:
            result.append(op)
    return result


def _on_grid(name: str, op: ResidualSign, consumer: Op | None, levels: int) -> ResidualSign:
    inputs = consumer.weights.columns if isinstance(consumer, Dense) else 1
    for gain_bits in range(levels, 17):
        gains, fraction_bits = choose_gains(op.gammas, inputs, levels, gain_bits, threshold_bits=32)
        if tuple(gain / 2.0**fraction_bits for gain in gains) == op.gammas:
            return ResidualSign(op.gammas, fraction_bits)
    raise OptionError(
        f"{name}: factors {op.gammas} are no integer gains over a power of two; give export training images, so that "
        "it can snap them and recalibrate BatchNorm"
    )
