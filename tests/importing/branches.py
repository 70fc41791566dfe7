"""Random QONNX graphs whose branches part and meet; of dyadic numbers, which float32 adds without an error."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.importing.graphs import Graph, affine, dyadic, layer, quantize, weights_of


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: a map, whether it is codes, and whether their least value is 0."""

    name: str
    channels: int
    height: int
    width: int
    codes: bool = True
    zero: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


class Branches(Graph):
    """A graph with values that may be read again."""

    def at(self, value: Value) -> "Branches":
        self.last = value.name
        return self

    def meet(self, kind: str, *values: Value, **attributes: Any) -> str:
        from onnx import helper

        self.last = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [value.name for value in values], [self.last], **attributes))
        return self.last


def quantized(graph: Branches, value: Value) -> Value:
    """Codes of a value."""
    zero = quantize(graph.at(value), value.channels, rank=4)
    return replace(value, name=graph.last, codes=True, zero=zero)


def convolved(graph: Branches, value: Value, rows: int, *, keep: bool, scaled: bool = True) -> Value:
    """Sums of a layer over codes, on a map of the same size where it must be kept."""
    rng = graph.rng
    if keep:
        kernel = (3, 3) if value.zero and rng.random() < 0.5 else (1, 1)
        pads = [kernel[0] // 2] * 4
        weights = weights_of(graph.at(value), (rows, value.channels, *kernel), most=3)
        graph.at(value).add("Conv", weights, kernel_shape=list(kernel), pads=pads)
        made = replace(value, name=graph.last, channels=rows, codes=False, zero=False)
    else:
        kernel = tuple(int(rng.integers(1, min(3, side) + 1)) for side in value.size)
        top, left, bottom, right, down, across = layer(graph.at(value), rows, value.channels, kernel, value.zero)
        height = (value.height + top + bottom - kernel[0]) // down + 1
        width = (value.width + left + right - kernel[1]) // across + 1
        made = Value(graph.last, rows, height, width, codes=False)
    if scaled:
        affine(graph.at(made), rows, 4)
    return replace(made, name=graph.last)


def scaled(graph: Branches, value: Value, *, positive: bool = False) -> Value:
    """A value times a power of two, and a number more."""
    factor = 2.0 ** int(graph.rng.integers(-2, 3))
    graph.at(value).add("Mul", factor if positive or graph.rng.random() < 0.7 else -factor)
    if graph.rng.random() < 0.5:
        graph.add("Add", dyadic(graph.rng, (1, value.channels, 1, 1)))
    return replace(value, name=graph.last, zero=False)


def residual(graph: Branches, value: Value) -> Value:
    """A sum of branches: of codes, of sums of layers, or of both, or one less the other."""
    rng = graph.rng
    kind = rng.choice(["codes", "sums", "mixed", "thrice", "stream"])
    if kind == "codes":
        other = quantized(graph, convolved(graph, value, value.channels, keep=True))
        skip = value if rng.random() < 0.6 else quantized(graph, convolved(graph, value, value.channels, keep=True))
        graph.meet("Add", other, skip)
    elif kind == "sums":
        first = scaled(graph, convolved(graph, value, value.channels, keep=True, scaled=False))
        second = scaled(graph, convolved(graph, value, value.channels, keep=True, scaled=False))
        graph.meet(str(rng.choice(["Add", "Sub"])), first, second)
    elif kind == "mixed":
        first = scaled(graph, convolved(graph, value, value.channels, keep=True, scaled=False))
        graph.meet(str(rng.choice(["Add", "Sub"])), first, value)
    elif kind == "thrice":
        graph.meet("Add", value, value)
        graph.meet("Sum", value, replace(value, name=graph.last), value)
    else:
        stream = scaled(graph, convolved(graph, value, value.channels, keep=True, scaled=False), positive=True)
        inner = quantized(graph, stream)
        more = scaled(graph, convolved(graph, inner, value.channels, keep=True, scaled=False), positive=True)
        graph.meet("Add", more, stream)
    return replace(value, name=graph.last, codes=False, zero=False)


def joined(graph: Branches, value: Value) -> Value:
    """Channels of branches side by side."""
    rng = graph.rng
    parts = [value] if rng.random() < 0.4 else []
    for _ in range(int(rng.integers(2 - len(parts), 4 - len(parts)))):
        made = convolved(graph, value, int(rng.integers(1, 5)), keep=True)
        parts.append(quantized(graph, made) if rng.random() < 0.7 else made)
    graph.meet("Concat", *parts, axis=1)
    codes = all(part.codes for part in parts)
    channels = sum(part.channels for part in parts)
    return replace(value, name=graph.last, channels=channels, codes=codes, zero=codes and all(p.zero for p in parts))


def averaged(graph: Branches, value: Value) -> Value:
    """Averages of windows of a power of two of elements."""
    rng = graph.rng
    sizes = [(a, b) for a in (1, 2, 4) for b in (1, 2, 4) if a <= value.height and b <= value.width]
    kernel = sizes[int(rng.integers(len(sizes)))]
    strides = [int(stride) for stride in rng.integers(1, 3, 2)]
    source = value if rng.random() < 0.6 else convolved(graph, value, value.channels, keep=True)
    graph.at(source).add("AveragePool", kernel_shape=list(kernel), strides=strides)
    height, width = ((s - k) // d + 1 for s, k, d in zip(value.size, kernel, strides, strict=True))
    return Value(graph.last, value.channels, height, width, codes=False)


def random_branches(seed: int) -> tuple[Any, tuple[int, int, int]]:
    """A random graph with its input's channels, height and width."""
    rng = np.random.default_rng([seed, 7])
    graph = Branches(rng)
    value = Value("image", int(rng.integers(1, 4)), int(rng.integers(1, 7)), int(rng.integers(1, 7)), codes=False)
    image = value.channels, value.height, value.width
    graph.add("Mul", 2.0**-5)
    value = replace(value, name=graph.last)
    zero = quantize(graph, value.channels, first=True, rank=4)
    value = replace(value, name=graph.last, codes=True, zero=zero)
    for _ in range(int(rng.integers(1, 4))):
        match str(rng.choice(["layer", "residual", "residual", "concat", "average"])):
            case "layer":
                value = convolved(graph, value, int(rng.integers(1, 6)), keep=False)
            case "residual":
                value = residual(graph, value)
            case "concat":
                value = joined(graph, value)
            case _:
                value = averaged(graph, value)
        if not value.codes:
            value = quantized(graph, value)
        if min(value.size) >= 2 and rng.random() < 0.2:
            graph.at(value).add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            value = replace(value, name=graph.last, height=value.height // 2, width=value.width // 2)
    area = value.height * value.width
    if area & (area - 1) == 0 and rng.random() < 0.5:
        if rng.random() < 0.5:
            graph.at(value).add("GlobalAveragePool")
        else:
            graph.at(value).add("ReduceMean", axes=[2, 3], keepdims=1)
        value = Value(graph.last, value.channels, 1, 1, codes=False)
        if rng.random() < 0.4:
            value = quantized(graph, value)
    elif rng.random() < 0.2:
        other = quantized(graph, convolved(graph, value, value.channels, keep=True))
        graph.meet("Add", value, other)
        value = replace(value, name=graph.last)
    graph.at(value).add("Flatten", axis=1)
    classes = int(rng.integers(2, 6))
    layer(graph, classes, value.channels * value.height * value.width, None, zero=False)
    if rng.random() < 0.5:
        graph.add("Mul", dyadic(rng, (1,), positive=True))
    return graph.model((1, *image), classes), image
