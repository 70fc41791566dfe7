"""A lowered network, operation by operation, as a graph of ONNX in one of its forms.

Codes stand in the graph as what they are worth, e = Σ g_i·s_i in whole numbers, so that a layer is a matrix product of
whole numbers: its sums are v = 2A - R. What a code is worth, the layer that reads it says; so gains are first handed
from the layers to what they read (`_wanted`), and a code has a tensor for each set of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import cast

import numpy as np

from rebnet.errors import ModelError
from rebnet.exporting.codes import Reading, firsts, in_order, order_gains, steps_in_float, used_levels
from rebnet.exporting.draft import MOST_EXACT, Draft, Tensor
from rebnet.exporting.forms import Encoder, Form
from rebnet.ir.features import Add, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Code, Feature, Integer, Shape, shifts_to_finest
from rebnet.spec.two_slope import rounding
from rebnet.spec.window import NO_PADS, Window

Gains = tuple[int, ...]
"""What the planes of a code count; empty for what is no code."""


def draft_of(network: Network, form: Form, index: int) -> tuple[Draft, Tensor]:
    """The graph of a lowered network at the served level count of that index, and its scores.

    Raises:
        ModelError: the form cannot say it exactly.
    """
    walk = _Walk(network, form, index)
    for node in network.nodes:
        for gains in walk.wanted.get(node.name, [()]):
            try:
                walk.made[node.name, gains] = walk.of(node, gains)
            except ModelError as error:
                raise ModelError(f"{network.name}, {node.name}: {error}") from None
    return walk.draft, walk.made[network.answers[0].name, ()]


def _sources(network: Network, node: Node[Op], index: int, gains: Gains) -> list[Gains]:
    """What the codes that a node reads must count, so that it gives codes that count `gains`."""
    reads = [network.values[source] for source in network.sources(node)]
    if isinstance(node.op, Dense):
        assert node.op.gains is not None
        return [node.op.gains[index]]
    if isinstance(node.op, Stack):
        ends = np.cumsum([cast(Code, code).planes for code in reads])
        return [gains[end - cast(Code, code).planes : end] for end, code in zip(ends.tolist(), reads, strict=True)]
    if isinstance(node.op, MaxPool) and gains and not in_order(gains):
        gains = order_gains(gains)
    return [gains] * len(reads) if isinstance(reads[0], Code) else [()] * len(reads)


class _Walk:
    """The graph so far, and the tensor of every value and what it counts."""

    def __init__(self, network: Network, form: Form, index: int) -> None:
        self.network, self.form, self.index = network, form, index
        self.wanted = self._wanted()
        self.draft = Draft()
        self.made: dict[tuple[str, Gains], Tensor] = {}
        try:
            pixels = form.image(self.draft, network.input)
        except ModelError as error:
            raise ModelError(f"{network.name}: {error}") from None
        self.made.update({(PIXELS, gains): pixels for gains in self.wanted[PIXELS]})

    def _wanted(self) -> dict[str, list[Gains]]:
        """What the codes of each value must count: one set, or some where layers that read them differ."""
        wanted: dict[str, list[Gains]] = {}
        for node in reversed(self.network.nodes):
            for gains in wanted.get(node.name, [()]):
                sources = self.network.sources(node)
                for source, own in zip(sources, _sources(self.network, node, self.index, gains), strict=True):
                    if own not in wanted.setdefault(source, []):
                        wanted[source].append(own)
        return wanted

    def of(self, node: Node[Op], gains: Gains) -> Tensor:
        """What a node gives, of codes what counts `gains`."""
        value = self.network.values[node.name]
        if isinstance(value, Feature):
            self._check(value.low[self.index], value.high[self.index], "features")
        names = zip(
            self.network.sources(node), _sources(self.network, node, self.index, gains), strict=True
        )
        inputs = [self.made[name] for name in names]
        match node.op:
            case Dense() as layer:
                return self._layer(node.name, layer, inputs[0], value.shape)
            case Threshold() as threshold:
                return self._threshold(node, threshold, inputs[0], gains)
            case Rescale() as op:
                return self._rescale(node.name, op, inputs[0])
            case TwoSlope() as op:
                return self._two_slope(node.name, op, inputs[0])
            case Add():
                return self._add(node, inputs)
            case SumPool(window=window):
                return self._sum_pool(node.name, window, inputs[0], value.shape)
            case MaxPool(window=window):
                return self._max_pool(node.name, window, inputs[0], value.shape, gains)
            case Upsample(factors=factors):
                scales = self.draft.constant("scales", [1, 1, factors.rows, factors.columns])
                made = Tensor(node.name, value.shape, flat=False)
                return self.draft.put(
                    "Resize", made, self.draft.as_map(inputs[0]).name, "", scales,
                    mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
                )  # fmt: skip
            case Join():
                each = self.draft.alike(inputs)
                made = Tensor(node.name, value.shape, flat=each[0].flat)
                return self.draft.put("Concat", made, *(tensor.name for tensor in each), axis=1)
            case Stack():
                return self._sum(node.name, inputs)
            case Scores() as op:
                return self._scores(op, inputs[0])
        raise ModelError(f"{type(node.op).__name__}: lower the network before exporting it to others")

    def _layer(self, name: str, op: Dense, source: Tensor, shape: Shape) -> Tensor:
        assert op.gains is not None
        self._check(0, op.reaches[self.index] + 2, "sums")
        values = op.weights.values
        if not isinstance(op, Conv):
            height, width, channels = source.shape  # columns stand so, the vector channel by channel
            values = values.reshape(-1, height, width, channels).transpose(0, 3, 1, 2).reshape(len(values), -1)
            weights = self._weights(name, op, values.T)
            made = Tensor(name, shape, flat=True)
            return self.draft.put("MatMul", made, self.draft.as_vector(source).name, weights)
        kernel, stride = op.window.kernel, op.window.stride
        values = values.reshape(len(values), *kernel, -1).transpose(0, 3, 1, 2)
        weights = self._weights(name, op, values)
        source = self._padded(source, op.window, -sum(op.gains[self.index]))
        return self.draft.put(
            "Conv", Tensor(name, shape, flat=False), source.name, weights,
            kernel_shape=kernel, strides=stride, pads=(0, 0, 0, 0), dilations=(1, 1), group=op.groups,
        )  # fmt: skip

    def _weights(self, name: str, op: Dense, values: np.ndarray) -> str:
        """The weights, of one bit or in the fewest that hold them."""
        draft, label = self.draft, f"{name}_weights"
        if not self.form.quantized:
            return draft.constant(label, values)
        given, one = draft.constant(f"{label}_given", values), draft.constant("number", 1)
        if len(op.weights.gains) == 1:
            return draft.node("BipolarQuant", label, values.shape, given, one)
        scale = 2 - sum(op.weights.gains) % 2
        bits = 1 + int(np.abs(values).max() // scale).bit_length()
        numbers = (draft.constant("number", scale), draft.constant("number", 0), draft.constant("number", max(2, bits)))
        return draft.node(
            "Quant", label, values.shape, given, *numbers, signed=1, narrow=1, rounding_mode="ROUND"
        )

    def _padded(self, source: Tensor, window: Window, lowest: int) -> Tensor:
        """The map with the lowest code around it."""
        source = self.draft.as_map(source)
        height, width, channels = source.shape
        (top, bottom), (left, right) = pads = window.padding(height, width)
        if pads == NO_PADS:
            return source
        shape = Shape(height + top + bottom, width + left + right, channels)
        ends = self.draft.constant("pads", [0, 0, top, left, 0, 0, bottom, right], np.int64)
        number = self.draft.constant("number", lowest)
        made = Tensor(f"{source.name}_padded", shape, flat=False)
        return self.draft.put("Pad", made, source.name, ends, number, mode="constant")

    def _threshold(self, node: Node[Op], op: Threshold, source: Tensor, gains: Gains) -> Tensor:
        value = self.network.read(node)
        assert isinstance(value, Integer | Feature)
        reading = Reading(value.low[self.index], value.high[self.index])
        if isinstance(value, Integer):
            reading = replace(reading, slope=2, offset=-reading.high)
        levels = used_levels(gains)
        turns = firsts(op, self.index, levels, reading)
        steps = steps_in_float(op, self.index, levels, reading)
        return self.form.code(self.draft, source, Encoder(node.name, turns, gains, steps))

    def _rescale(self, name: str, op: Rescale, source: Tensor) -> Tensor:
        scale, bias = (numbers if numbers.ndim == 1 else numbers[self.index] for numbers in (op.scale, op.bias))
        wide = self._double_affine(name, source, scale, bias)
        if op.shift:
            wide = self.draft.each("Mul", f"{name}_shifted", wide, self._double(2.0**-op.shift))
            wide = self.draft.each("Floor", f"{name}_floor", wide)
        return self.draft.cast(name, wide, "FLOAT")

    def _two_slope(self, name: str, op: TwoSlope, source: Tensor) -> Tensor:
        draft, zero = self.draft, self._double(0)
        y = draft.cast(f"{name}_double", source, "DOUBLE")
        y = draft.each("Add", f"{name}_before", y, draft.rows(f"{name}_p", y, op.before))
        bent = draft.each("Min", f"{name}_negative", y, zero)
        bent = draft.each("Mul", f"{name}_sloped", bent, draft.rows(f"{name}_slope", bent, op.slope))
        if op.shift:
            bent = draft.each("Add", f"{name}_rounded", bent, self._double(rounding(op.shift)))
            bent = draft.each("Mul", f"{name}_shifted", bent, self._double(2.0**-op.shift))
            bent = draft.each("Floor", f"{name}_floor", bent)
        y = draft.each("Add", f"{name}_bent", draft.each("Max", f"{name}_positive", y, zero), bent.name)
        y = draft.each("Add", f"{name}_after", y, draft.rows(f"{name}_q", y, op.after))
        return draft.cast(name, y, "FLOAT")

    def _add(self, node: Node[Op], inputs: Sequence[Tensor]) -> Tensor:
        features = [cast(Feature, self.network.values[source]) for source in self.network.sources(node)]
        shifts = shifts_to_finest(features)
        most = sum(
            max(-one.low[self.index], one.high[self.index]) << shift for one, shift in zip(features, shifts, strict=True)
        )
        self._check(0, most, "features")
        shifted = [
            self.draft.each("Mul", f"{node.name}_shifted", tensor, self.draft.constant("number", 1 << shift))
            if shift
            else tensor
            for tensor, shift in zip(inputs, shifts, strict=True)
        ]
        return self._sum(node.name, shifted)

    def _sum(self, name: str, inputs: Sequence[Tensor]) -> Tensor:
        return reduce(lambda total, one: self.draft.each("Add", name, total, one.name), self.draft.alike(inputs))

    def _sum_pool(self, name: str, window: Window | None, source: Tensor, shape: Shape) -> Tensor:
        """A sum, and no average: that would round in float32."""
        made = Tensor(name, shape, flat=False)
        if window is None:
            axes = self.draft.constant("axes", [2, 3], np.int64)
            return self.draft.put("ReduceSum", made, self.draft.as_map(source).name, axes, keepdims=1)
        ones = self.draft.constant(f"{name}_ones", np.ones((shape.channels, 1, *window.kernel)))
        return self.draft.put(
            "Conv", made, self.draft.as_map(source).name, ones,
            kernel_shape=window.kernel, strides=window.stride, pads=(0, 0, 0, 0), dilations=(1, 1),
            group=shape.channels,
        )  # fmt: skip

    def _max_pool(self, name: str, window: Window, source: Tensor, shape: Shape, gains: Gains) -> Tensor:
        """The largest number; of codes whose values stand in another order, of the codes themselves."""
        (top, bottom), (left, right) = window.padding(source.shape.height, source.shape.width)
        ordered = not gains or in_order(gains)
        made = self.draft.put(
            "MaxPool", Tensor(name if ordered else f"{name}_order", shape, flat=False), self.draft.as_map(source).name,
            kernel_shape=window.kernel, strides=window.stride, pads=(top, left, bottom, right), ceil_mode=0,
        )  # fmt: skip
        if ordered:
            return made
        turns = 2 * np.arange(1, 1 << used_levels(gains), dtype=np.int64)[None] + 1 - (1 << used_levels(gains))
        return self.form.code(self.draft, made, Encoder(name, turns, gains))

    def _scores(self, op: Scores, source: Tensor) -> Tensor:
        return self._double_affine("scores", source, op.scale[self.index], op.bias[self.index], last=True)

    def _double_affine(
        self, name: str, source: Tensor, scale: np.ndarray, bias: np.ndarray, *, last: bool = False
    ) -> Tensor:
        """A·v + B in float64, which holds every whole number of 53 bits."""
        draft = self.draft
        wide = draft.cast(f"{name}_double", source, "DOUBLE")
        wide = draft.each("Mul", f"{name}_scaled", wide, draft.rows(f"{name}_scale", wide, scale))
        return draft.each("Add", name if last else f"{name}_added", wide, draft.rows(f"{name}_bias", wide, bias))

    def _double(self, number: float) -> str:
        return self.draft.constant("double", number, np.float64)

    def _check(self, low: int, high: int, what: str) -> None:
        if max(-low, high) > MOST_EXACT:
            raise ModelError(
                f"its {what} reach {max(-low, high)}, and float32 counts to {MOST_EXACT} one by one; compile it with "
                "24 threshold bits or fewer, --threshold-bits"
            )
