"""Activations of QONNX and FINN as step functions on exact numbers, and on bytes in the executor's float32."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor, log2

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.graph import OnnxNode
from rebnet.importing.values import Quantizer

MOST_BITS = 8
MOST_CONSTANT_BITS = 32
"""Of a constant, as a bias, whose bits nothing stores."""


def quantizer(node: OnnxNode, given: Sequence[Array]) -> Quantizer | None:
    """The step function of a node whose other inputs are constant; None where it is none.

    Raises:
        ModelError: it is one that has no code.
    """
    match node.kind:
        case "BipolarQuant":
            scale = _above_zero(node, _one(node, "scale", given[0]))
            return Quantizer(((Fraction(0),),), (False,), 2 * scale, -scale)
        case "Sign":
            return Quantizer(((Fraction(0),),), (False,), Fraction(2), Fraction(-1))
        case "Quant" | "IntQuant":
            return _uniform(node, *given)
        case "MultiThreshold":
            return _multi_threshold(node, given[0])
        case "Trunc":
            return _truncation(node, given)
    return None


def rounded(node: OnnxNode, x: Array, scale: Array, zero: Array, bits: Array) -> Array:
    """The integers of a Quant node in float32, from its least to its most, as qonnx computes them."""
    low, high = _range(node, bits, MOST_CONSTANT_BITS)
    rounding, _ = _rounding(node)
    y = x / scale + zero
    return (
        np.where(y >= 0, y.dtype.type(1), y.dtype.type(-1)) if _signs(node, bits) else rounding(np.clip(y, low, high))
    )


HALF = Fraction(1, 2)
_ROUNDINGS: dict[str, tuple[Callable[[Array], Array], Callable[[int], tuple[Fraction, bool]]]] = {
    "ROUND": (np.rint, lambda u: (u - HALF, u % 2 != 0)),  # half goes to the even one
    "HALF_EVEN": (np.rint, lambda u: (u - HALF, u % 2 != 0)),
    "FLOOR": (np.floor, lambda u: (Fraction(u), False)),
    "CEIL": (np.ceil, lambda u: (Fraction(u - 1), True)),
    "UP": (lambda y: np.sign(y) * np.ceil(np.abs(y)), lambda u: (Fraction(u - (u > 0)), u > 0)),
    "DOWN": (np.fix, lambda u: (Fraction(u - (u <= 0)), u <= 0)),
    "HALF_UP": (lambda y: np.sign(y) * np.floor(np.abs(y) + 0.5), lambda u: (u - HALF, u <= 0)),
    "HALF_DOWN": (lambda y: np.sign(y) * np.ceil(np.abs(y) - 0.5), lambda u: (u - HALF, u > 0)),
}
"""Of each mode what it computes, and from where on a number is u or more, and whether from beyond there."""


def _rounding(
    node: OnnxNode, default: str = "ROUND"
) -> tuple[Callable[[Array], Array], Callable[[int], tuple[Fraction, bool]]]:
    mode = str(node.attributes.get("rounding_mode", default)).upper()
    if mode not in _ROUNDINGS:
        raise ModelError(f"{node}: rounds by {mode}; {', '.join(_ROUNDINGS)} are read")
    return _ROUNDINGS[mode]


def _signs(node: OnnxNode, bits: Array) -> bool:
    """Whether a Quant gives -1 and 1, as qonnx takes one of 1 bit with a sign."""
    return bool(np.all(bits == 1)) and bool(node.attributes.get("signed", 1))


def _range(node: OnnxNode, bits: Array, most: int = MOST_BITS) -> tuple[int, int]:
    width = _one(node, "bit width", bits)
    if width.denominator != 1 or not 1 <= width <= most:
        raise ModelError(f"{node}: has a bit width of {float(width):g}; 1 to {most} whole bits are read")
    count, signed, narrow = int(width), int(node.attributes.get("signed", 1)), int(node.attributes.get("narrow", 0))
    if _signs(node, bits):
        return -1, 1
    if signed:
        return -(1 << (count - 1)) + narrow, (1 << (count - 1)) - 1
    return 0, (1 << count) - 1 - narrow


def _uniform(node: OnnxNode, scale: Array, zero: Array, bits: Array) -> Quantizer:
    low, high = _range(node, bits)
    _, first = _rounding(node)
    s, z = _above_zero(node, _one(node, "scale", scale)), _one(node, "zero point", zero)
    if _signs(node, bits):
        return Quantizer(((s * -z,),), (False,), 2 * s, s * (-1 - z))
    steps = [first(u) for u in range(low + 1, high + 1)]
    if not steps:
        raise ModelError(f"{node}: has one value only; use more bits, or no narrow range")
    ends = tuple(s * (end - z) for end, _ in steps)
    return Quantizer((ends,), tuple(beyond for _, beyond in steps), s, s * (low - z))


def _truncation(node: OnnxNode, given: Sequence[Array]) -> Quantizer:
    """Trunc of qonnx' version 2: whole numbers of a scale, rounded, and then rounded to a coarser one."""
    if len(given) != 5:
        raise ModelError(f"{node}: reads {len(given) + 1} tensors; version 2 of the domain's, which reads 6, is read")
    scale, zero, _, out_scale, bits = given
    low, high = _range(node, bits)
    _, first = _rounding(node, "FLOOR")
    s, z, wide = (
        _above_zero(node, _one(node, "scale", scale)),
        _one(node, "zero point", zero),
        _one(node, "truncation scale", out_scale),
    )
    coarse = Fraction(2) ** round(log2(_above_zero(node, wide) / s))
    ends, strict = [], []
    for u in range(low + 1, high + 1):
        end, beyond = first(u)
        least = floor(end * coarse) + 1 if beyond else ceil(end * coarse)  # of the whole numbers
        ends.append(s * (least - HALF - z))
        strict.append(least % 2 != 0)
    if not ends:
        raise ModelError(f"{node}: has one value only; use more bits, or no narrow range")
    return Quantizer((tuple(ends),), tuple(strict), wide, wide * (low - z / coarse))


def _multi_threshold(node: OnnxNode, thresholds: Array) -> Quantizer:
    layout = str(node.attributes.get("data_layout", "NCHW"))
    if thresholds.ndim != 2 or layout not in ("NCHW", "NC"):
        raise ModelError(f"{node}: its thresholds have the shape {thresholds.shape} and its data the layout {layout}")
    if not 1 <= thresholds.shape[1] < 1 << MOST_BITS:
        raise ModelError(f"{node}: has {thresholds.shape[1]} thresholds; 1 to {(1 << MOST_BITS) - 1} are read")
    if not np.isfinite(thresholds).all():
        raise ModelError(f"{node}: its thresholds are not finite")
    step = Fraction(float(node.attributes.get("out_scale", 1.0)))
    if step <= 0:
        raise ModelError(f"{node}: has an out_scale of {float(step):g}; it must be above 0")
    ordered = np.sort(thresholds, axis=1)
    ends = tuple(tuple(map(Fraction, map(float, row))) for row in ordered)
    least = Fraction(float(node.attributes.get("out_bias", 0.0)))
    return Quantizer(ends, (False,) * thresholds.shape[1], step, least)


def _above_zero(node: OnnxNode, scale: Fraction) -> Fraction:
    if scale <= 0:
        raise ModelError(f"{node}: has a scale of {float(scale):g}; it must be above 0")
    return scale


def _one(node: OnnxNode, name: str, values: Array) -> Fraction:
    """A number that is the same for all channels."""
    numbers = np.unique(values)
    if len(numbers) != 1 or not np.isfinite(numbers).all():
        raise ModelError(
            f"{node}: its {name} is of each channel, {values.size} numbers from {values.min():g} to "
            f"{values.max():g}; the layer behind counts one for all: use one per tensor"
        )
    return Fraction(float(numbers[0]))


def code_table(node: OnnxNode, one: Quantizer, table: NDArray[np.float32], given: Sequence[Array]) -> NDArray[np.int64]:
    """The code of each byte, as the executor finds it in float32."""
    if node.kind in ("Quant", "IntQuant"):
        low, _ = _range(node, given[2])
        found = rounded(node, table, given[0].reshape(-1)[0], given[1].reshape(-1)[0], given[2]).astype(np.int64) - low
        return found // 2 if _signs(node, given[2]) else found
    ends = np.asarray([float(end) for end in one.ends[0]], dtype=np.float32)
    return np.asarray((table[:, None] >= ends).sum(axis=1), dtype=np.int64)
