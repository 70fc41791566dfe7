"""From a torch module to the operations of a network: the float values as they are, weights as bits."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.export.modules import LEGAL, Placed
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, Floats, MaxPool, Op, PixelInput, ResidualSign
from rebnet.ir.verify import verify
from rebnet.nn.any_levels import PerLevel
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.pixels import PixelInput as PixelModule
from rebnet.nn.residual import ResidualSign as SignModule
from rebnet.nn.window import FlattenHWC, PadLowest
from rebnet.spec.gains import choose_gains
from rebnet.spec.window import Window

_PASSED_OVER = nn.Identity | nn.Dropout | nn.Flatten | FlattenHWC


def walk(placed: Sequence[Placed], name: str, foldings: Sequence[Folding | None], *, snapped: bool = True) -> Network:
    """The operations of modules in order.

    Args:
        placed: PixelInput, then BinaryLinear or BinaryConv2d, BatchNorm, MaxPool2d and ResidualSign in turn; factors
            on the grid of gains. A BatchNorm or ResidualSign may be a PerLevel of them.
        name: name of the network.
        foldings: folding of each layer with weights, None where it is open.
        snapped: False puts other factors, which are on the grid, in the place of the modules': to ask whether the
            modules are a network at all.

    Raises:
        OptionError: the module holds something else, or its factors were not snapped to gains.
        VerifyError: its modules stand in an order that is no network.
    """
    standing = [one for one in placed if not isinstance(one.module, _PASSED_OVER)]
    pixels = standing[0].module
    assert isinstance(pixels, PixelModule)
    at_most = [one.at_most for one in standing]
    signs = [module for module in at_most if isinstance(module, SignModule)]
    levels = {module.levels for module in signs} or {1}
    if len(levels) > 1:
        raise OptionError(f"{name}: residual signs of {sorted(levels)} levels; give all of them the same number")
    ops: list[Op] = []
    padded: Window | None = None  # the window that the map was padded for
    for position, one in enumerate(standing[1:], start=1):
        module, place = one.module, f"{name}: module {one.path}"
        if isinstance(module, PadLowest):
            before_sign = position + 1 < len(standing) and isinstance(at_most[position + 1], SignModule)
            padded = _padding(place, module, first=position == 1, before_sign=before_sign)
            continue
        if padded is not None and isinstance(module, BinaryLinear | nn.MaxPool2d):
            raise OptionError(
                f"{place}, {type(module).__name__}: its map was padded for {padded}, and only the BinaryConv2d of that "
                "window takes a padded map; pool before padding, and pad for that convolution alone"
            )
        ops.append(_op(place, module, sum(isinstance(op, Dense) for op in ops), foldings, padded))
        if isinstance(ops[-1], Dense):
            padded = None
    ops = _with_fractions(name, ops, levels.pop()) if snapped else [_any_factors(op) for op in ops]
    image = PixelInput(pixels.height, pixels.width, pixels.channels, pixels.bits)
    return verify(Network.chain(name, signs[0].levels if signs else 1, image, ops))


def _padding(place: str, module: PadLowest, *, first: bool, before_sign: bool) -> Window:
    """The window of a padding that gives the lowest code: -1 behind the pixels, -inf before a residual sign."""
    exact = (first and module.lowest == -1) or (before_sign and module.lowest == -math.inf)
    if not exact:
        raise OptionError(
            f"{place}, PadLowest with lowest={module.lowest}: stands neither behind PixelInput with lowest=-1 nor "
            "directly before a ResidualSign with lowest=-inf, so the border is not the lowest code; move it there"
        )
    return module.window


def _op(place: str, module: nn.Module, layer: int, foldings: Sequence[Folding | None], padded: Window | None) -> Op:
    folding = foldings[layer] if layer < len(foldings) else None
    match module:
        case PerLevel():
            return _own_sets(place, [_op(place, one, layer, foldings, padded) for one in module])
        case BinaryLinear():
            bits = BitMatrix.pack((module.binary_weight > 0).cpu().numpy())
            return Dense(bits, module.scale, folding)
        case BinaryConv2d():
            rows = (module.binary_weight > 0).permute(0, 2, 3, 1).flatten(1)  # columns: kernel row, column, channel
            window = _window(place, module, padded)
            bits = BitMatrix.pack(rows.cpu().numpy())
            return Conv(bits, module.scale, folding, window=window)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return _batchnorm(place, module)
        case nn.MaxPool2d():
            return _pool(place, module)
        case SignModule():
            return ResidualSign(tuple(float(gamma) for gamma in module.gammas.tolist()), fraction_bits=0)
    raise OptionError(f"{place} is a {type(module).__name__}; {LEGAL}")


def _own_sets(place: str, ops: Sequence[Op]) -> Op:
    """One operation with the numbers of all level counts."""
    norms = [op for op in ops if isinstance(op, BatchNorm)]
    signs = [op for op in ops if isinstance(op, ResidualSign)]
    if len(signs) == len(ops):
        return replace(signs[-1], fewer=tuple(signs[:-1]))
    if len(norms) < len(ops) or len({norm.epsilon for norm in norms}) > 1:
        raise OptionError(
            f"{place} is a PerLevel; it holds BatchNorms of one epsilon, or ResidualSigns, one for each of 1 … M levels"
        )
    mean, variance, weight, bias = (
        np.stack([getattr(norm, name) for norm in norms]) for name in ("mean", "variance", "weight", "bias")
    )
    return BatchNorm(mean, variance, weight, bias, norms[-1].epsilon)


def _window(place: str, module: BinaryConv2d, padded: Window | None) -> Window:
    if padded is None:
        return module.window
    if (padded.kernel, padded.stride) != (module.window.kernel, module.window.stride):
        raise OptionError(
            f"{place}: its window is {module.window}, its map was padded for {padded}; make them the same"
        )
    return padded


def _pool(place: str, module: nn.MaxPool2d) -> MaxPool:
    kernel, stride = module.kernel_size, module.stride
    plain = module.padding == 0 and module.dilation == 1 and not module.ceil_mode
    if not (isinstance(kernel, int) and isinstance(stride, int) and plain):
        raise OptionError(f"{place}, {module}: a pool is square, unpadded, undilated and floors; make it so")
    return MaxPool(Window(kernel, stride))


def _batchnorm(place: str, module: nn.BatchNorm1d | nn.BatchNorm2d) -> BatchNorm:
    if module.running_mean is None or module.running_var is None:
        raise OptionError(f"{place}, {type(module).__name__}, keeps no running statistics; make it with them")
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


def _any_factors(op: Op) -> Op:
    """A residual sign with powers of two as its factors; all else as it is."""
    if not isinstance(op, ResidualSign):
        return op
    return replace(
        op,
        gammas=tuple(2.0**place for place in reversed(range(len(op.gammas)))),
        fewer=tuple(
            ResidualSign(tuple(2.0**place for place in reversed(range(len(one.gammas)))), 0) for one in op.fewer
        ),
    )


def _with_fractions(name: str, ops: list[Op], levels: int) -> list[Op]:
    """Find the fraction bits of each residual sign: its factors must be exactly gains over a power of two."""
    result: list[Op] = []
    for index, op in enumerate(ops):
        if isinstance(op, ResidualSign):
            consumer = ops[index + 1] if index + 1 < len(ops) else None
            *fewer, most = (_on_grid(name, sign, consumer, levels) for sign in (*op.fewer, op))
            result.append(replace(most, fewer=tuple(fewer)))
        else:
            result.append(op)
    return result


def _on_grid(name: str, op: ResidualSign, consumer: Op | None, levels: int) -> ResidualSign:
    if len(op.gammas) == 1:
        return op
    inputs = consumer.weights.columns if isinstance(consumer, Dense) else 1
    for gain_bits in range(levels, 17):
        gains, fraction_bits = choose_gains(op.gammas, inputs, levels, gain_bits, threshold_bits=32)
        if tuple(gain / 2.0**fraction_bits for gain in gains) == op.gammas:
            return ResidualSign(op.gammas, fraction_bits)
    raise OptionError(
        f"{name}: factors {op.gammas} are no integer gains over a power of two; give export training images, so that "
        "it can snap them and recalibrate BatchNorm"
    )
