"""A network as text, for people and for tests: one line per operation, small arrays in full."""

import zlib
from typing import Any

import numpy as np

from rebnet.ir.ops import Affine, BatchNorm, Conv, Dense, MaxPool, Network, Op, ResidualSign, Scores, Threshold

_SMALL = 12  # arrays of up to this many numbers are printed whole


def to_text(network: Network) -> str:
    """The network as text: integers in full, other numbers to nine digits, large arrays as range and checksum."""
    image = network.input
    lines = [
        f"network {network.name} levels={network.levels} serves={_list(network.served)} T={network.threshold_bits}",
        f"  pixels {image.height}x{image.width}x{image.channels} bits={image.bits}",
        *(f"  {_op(op)}" for op in network.ops),
    ]
    return "\n".join(lines) + "\n"


def _op(op: Op) -> str:
    match op:
        case Dense():
            shape = f"{op.weights.rows}x{op.weights.columns}"
            folding = "" if op.folding is None else f" folding={op.folding}"
            units = "/".join(map(_number, op.unit or ()))
            gains = "" if op.gains is None else f" unit={units} gains={'/'.join(map(_list, op.gains))}"
            kind, window = ("conv", f" window={op.window}") if isinstance(op, Conv) else ("dense", "")
            text = f"{kind} {op.name} {shape}{window} weights={_weights(op)} scale={op.scale:.9g}{folding}{gains}"
        case MaxPool():
            text = f"max_pool window={op.window}"
        case BatchNorm():
            fields = ("mean", "variance", "weight", "bias")
            arrays = " ".join(f"{f}={_array(getattr(op, f))}" for f in fields)
            text = f"batchnorm {arrays} eps={_number(op.epsilon)}"
        case Affine():
            text = f"affine a={_array(op.a)} b={_array(op.b)}"
        case ResidualSign():
            sets = (*op.fewer, op)
            gammas = "/".join(_list(sign.gammas) for sign in sets)
            text = f"residual_sign gammas={gammas} fraction_bits={'/'.join(str(sign.fraction_bits) for sign in sets)}"
        case Threshold():
            text = f"threshold t={_array(op.thresholds)} steps={_array(op.steps)}"
        case Scores():
            text = f"scores scale={_array(op.scale)} bias={_array(op.bias)}"
    return text


def _weights(op: Dense) -> str:
    if op.weights.rows * op.weights.columns <= 4 * _SMALL:
        return "|".join("".join("-+"[bit] for bit in row.astype(int)) for row in op.weights.bits)
    return f"crc:{zlib.crc32(op.weights.packed.tobytes()):08x}"


def _list(values: tuple[Any, ...]) -> str:
    return f"({','.join(map(_number, values))})"


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int | np.integer) else f"{value:.9g}"


def _nested(value: Any) -> str:
    return f"[{','.join(map(_nested, value))}]" if isinstance(value, list) else _number(value)


def _array(values: np.ndarray) -> str:
    if values.size <= _SMALL:
        return _nested(values.tolist())
    checksum = zlib.crc32(np.ascontiguousarray(values).tobytes())
    return f"[{_number(values.min())}..{_number(values.max())}] crc:{checksum:08x}"
