"""What each operation of a lowered network is in a graph: one rule an operation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import ModelError
from rebnet.exporting.codes import Integers, Reading, firsts, in_order, steps_in_float, used_levels
from rebnet.exporting.draft import MOST_EXACT, Draft, Tensor
from rebnet.exporting.forms import Encoder, Form
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.ops import Conv, Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Feature, Integer, Shape, Value, shifts_to_finest
from rebnet.spec.two_slope import rounding
from rebnet.spec.window import NO_PADS, Window

Gains = tuple[int, ...]
"""What the planes of a code count; empty for what is no code."""


@dataclass(frozen=True)
class At:
    """Where a rule is applied.

    Attributes:
        draft: what it writes to.
        form: how the graph says codes and weights.
        index: of the served level count.
        name: of the node.
        value: what it gives.
        reads: what it reads.
        gains: what the codes that it gives count; empty where it gives none.
        float_scores: whether scores are rounded to float32.
    """

    draft: Draft
    form: Form
    index: int
    name: str
    value: Value
    reads: tuple[Value, ...]
    gains: Gains
    float_scores: bool

    def made(self, *, flat: bool = False, name: str = "") -> Tensor:
        """What the node gives, a map or a vector."""
        return Tensor(name or self.name, self.value.shape, flat)

    def check(self, most: int, what: str) -> None:
        """Raise `ModelError` where float32 does not hold whole numbers up to `most`."""
        if most > MOST_EXACT:
            raise ModelError(
                f"{self.name}: its {what} reach {most}, and float32 counts to {MOST_EXACT} one by one; compile it with "
                "24 threshold bits or fewer, --threshold-bits"
            )

    def check_feature(self) -> None:
        """The same of the features that it gives."""
        feature = cast(Feature, self.value)
        self.check(max(-feature.low[self.index], feature.high[self.index]), "features")


def _dense(at: At, op: Dense, source: Tensor) -> Tensor:
    at.check(op.reaches[at.index] + 2, "sums")
    values = op.weights.values
    height, width, channels = source.shape  # columns stand so, the vector channel by channel
    values = values.reshape(-1, height, width, channels).transpose(0, 3, 1, 2).reshape(len(values), -1)
    return at.draft.put("MatMul", at.made(flat=True), at.draft.as_vector(source).name, _weights(at, op, values.T))


def _conv(at: At, op: Conv, source: Tensor) -> Tensor:
    assert op.gains is not None
    at.check(op.reaches[at.index] + 2, "sums")
    values = op.weights.values
    values = values.reshape(len(values), *op.window.kernel, -1).transpose(0, 3, 1, 2)
    weights = _weights(at, op, values)
    padded = _padded(at, source, op.window, -sum(op.gains[at.index]))
    return _convolution(at, padded, weights, op.window, op.groups)


def _convolution(at: At, source: Tensor, weights: str, window: Window, groups: int) -> Tensor:
    return at.draft.put(
        "Conv", at.made(), source.name, weights,
        kernel_shape=window.kernel, strides=window.stride, pads=(0, 0, 0, 0), dilations=(1, 1), group=groups,
    )  # fmt: skip


def _weights(at: At, op: Dense, values: Integers) -> str:
    """The weights, of one bit or in the fewest that hold them."""
    draft, label = at.draft, f"{at.name}_weights"
    if not at.form.quantized:
        return draft.constant(label, values)
    given = draft.constant(f"{label}_given", values)
    if len(op.weights.gains) == 1:
        return draft.node("BipolarQuant", label, values.shape, given, draft.number(1))
    scale = 2 - sum(op.weights.gains) % 2
    bits = max(2, 1 + int(np.abs(values).max() // scale).bit_length())
    numbers = (draft.number(scale), draft.number(0), draft.number(bits))
    return draft.node("Quant", label, values.shape, given, *numbers, signed=1, narrow=1, rounding_mode="ROUND")


def _padded(at: At, source: Tensor, window: Window, lowest: int) -> Tensor:
    """The map with the lowest code around it."""
    source = at.draft.as_map(source)
    height, width, channels = source.shape
    (top, bottom), (left, right) = pads = window.padding(height, width)
    if pads == NO_PADS:
        return source
    shape = Shape(height + top + bottom, width + left + right, channels)
    ends = at.draft.constant("pads", [0, 0, top, left, 0, 0, bottom, right], np.int64)
    made = Tensor(f"{source.name}_padded", shape, flat=False)
    return at.draft.put("Pad", made, source.name, ends, at.draft.number(lowest), mode="constant")


def _threshold(at: At, op: Threshold, source: Tensor) -> Tensor:
    (value,) = at.reads
    assert isinstance(value, Integer | Feature)
    reading = Reading(value.low[at.index], value.high[at.index])
    if isinstance(value, Integer):
        reading = replace(reading, slope=2, offset=-reading.high)
    levels = used_levels(at.gains)
    turns = firsts(op, at.index, levels, reading)
    steps = steps_in_float(op, at.index, levels, reading)
    return at.form.code(at.draft, source, Encoder(at.name, turns, at.gains, steps))


def _rescale(at: At, op: Rescale, source: Tensor) -> Tensor:
    at.check_feature()
    draft, name = at.draft, at.name
    scale, bias = (numbers if numbers.ndim == 1 else numbers[at.index] for numbers in (op.scale, op.bias))
    wide = _affine(draft, f"{name}_sum", draft.cast(f"{name}_double", source, "DOUBLE"), scale, bias)
    return draft.cast(name, _shifted(draft, name, wide, op.shift), "FLOAT")


def _shifted(draft: Draft, name: str, wide: Tensor, shift: int) -> Tensor:
    """floor(x/2^s)."""
    if not shift:
        return wide
    wide = draft.each("Mul", f"{name}_shifted", wide, draft.number(2.0**-shift, np.float64))
    return draft.each("Floor", f"{name}_floor", wide)


def _two_slope(at: At, op: TwoSlope, source: Tensor) -> Tensor:
    at.check_feature()
    draft, name, zero = at.draft, at.name, at.draft.number(0, np.float64)
    y = draft.cast(f"{name}_double", source, "DOUBLE")
    y = draft.each("Add", f"{name}_moved", y, draft.rows(f"{name}_before", y, op.before))
    bent = draft.each("Min", f"{name}_negative", y, zero)
    bent = _affine(draft, f"{name}_bent", bent, op.slope, np.asarray(rounding(op.shift)))
    bent = _shifted(draft, name, bent, op.shift)
    y = draft.each("Add", f"{name}_both", draft.each("Max", f"{name}_positive", y, zero), bent.name)
    y = draft.each("Add", f"{name}_moved", y, draft.rows(f"{name}_after", y, op.after))
    return draft.cast(name, y, "FLOAT")


def _add(at: At, op: Add, *inputs: Tensor) -> Tensor:
    features = cast(tuple[Feature, ...], at.reads)
    shifts = shifts_to_finest(features)
    ends = (max(-one.low[at.index], one.high[at.index]) << k for one, k in zip(features, shifts, strict=True))
    at.check(sum(ends), "features")
    shifted = (
        at.draft.each("Mul", f"{at.name}_shifted", one, at.draft.number(1 << k)) if k else one
        for one, k in zip(inputs, shifts, strict=True)
    )
    return _sum(at, *shifted)


def _stack(at: At, op: Stack, *inputs: Tensor) -> Tensor:
    return _sum(at, *inputs)


def _sum(at: At, *inputs: Tensor) -> Tensor:
    return reduce(lambda total, one: at.draft.each("Add", at.name, total, one.name), at.draft.alike(inputs))


def _sum_pool(at: At, op: SumPool, source: Tensor) -> Tensor:
    """A sum, and no average: that would round in float32."""
    at.check_feature()
    source = at.draft.as_map(source)
    if op.window is None:
        axes = at.draft.constant("axes", [2, 3], np.int64)
        return at.draft.put("ReduceSum", at.made(), source.name, axes, keepdims=1)
    channels = source.shape.channels
    ones = at.draft.constant(f"{at.name}_ones", np.ones((channels, 1, *op.window.kernel)))
    return _convolution(at, source, ones, op.window, channels)


def _max_pool(at: At, op: MaxPool, source: Tensor) -> Tensor:
    """The largest number; of codes whose values stand in another order, of the codes themselves."""
    (top, bottom), (left, right) = op.window.padding(source.shape.height, source.shape.width)
    ordered = not at.gains or in_order(at.gains)
    source, factor, offset = at.draft.affines.get(source.name, (source, 1.0, 0.0))  # FINN pools what it has counted
    largest = at.draft.put(
        "MaxPool", at.made(name="" if ordered else f"{at.name}_order"), at.draft.as_map(source).name,
        kernel_shape=op.window.kernel, strides=op.window.stride, pads=(top, left, bottom, right), ceil_mode=0,
    )  # fmt: skip
    largest = at.draft.affine(at.name, largest, factor, offset)
    if ordered:
        return largest
    codes = 1 << used_levels(at.gains)
    turns = 2 * np.arange(1, codes, dtype=np.int64)[None] - (codes - 1)
    return at.form.code(at.draft, largest, Encoder(at.name, turns, at.gains))


def _upsample(at: At, op: Upsample, source: Tensor) -> Tensor:
    scales = at.draft.constant("scales", [1, 1, op.factors.rows, op.factors.columns])
    return at.draft.put(
        "Resize", at.made(), at.draft.as_map(source).name, at.draft.constant("roi", []), scales,
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip


def _depth_to_space(at: At, op: DepthToSpace, source: Tensor) -> Tensor:
    return at.draft.put("DepthToSpace", at.made(), at.draft.as_map(source).name, blocksize=op.block, mode="CRD")


def _join(at: At, op: Join, *inputs: Tensor) -> Tensor:
    each = at.draft.alike(inputs)
    return at.draft.put("Concat", at.made(flat=each[0].flat), *(tensor.name for tensor in each), axis=1)


def _scores(at: At, op: Scores, source: Tensor) -> Tensor:
    wide = source if at.float_scores else at.draft.cast("scores_double", source, "DOUBLE")
    return _affine(at.draft, "scores", wide, op.scale[at.index], op.bias[at.index])


def _affine(draft: Draft, name: str, tensor: Tensor, scale: NDArray[Any], bias: NDArray[Any]) -> Tensor:
    """A·v + B, exact in float64: it holds every whole number of 53 bits."""
    tensor = draft.each("Mul", f"{name}_scaled", tensor, draft.rows(f"{name}_scale", tensor, scale))
    return draft.each("Add", name, tensor, draft.rows(f"{name}_bias", tensor, bias)) if bias.any() else tensor


RULES: dict[type[Op], Callable[..., Tensor]] = {
    Dense: _dense,
    Conv: _conv,
    Threshold: _threshold,
    Rescale: _rescale,
    TwoSlope: _two_slope,
    Add: _add,
    SumPool: _sum_pool,
    MaxPool: _max_pool,
    Upsample: _upsample,
    DepthToSpace: _depth_to_space,
    Join: _join,
    Stack: _stack,
    Scores: _scores,
}
