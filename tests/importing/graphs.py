"""Random QONNX graphs, whose numbers are dyadic, so that float32 computes them without an error."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"
ROUNDING_MODES = ("CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


class Graph:
    """A graph in the making: nodes, constants, and the tensor that the next node reads."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "image"

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def of_constants(self, kind: str, *values: Any, domain: str = "", **attributes: Any) -> str:
        """A node that reads constants alone."""
        name = f"w{len(self.nodes)}"
        inputs = [self.constant(value) if not isinstance(value, str) else value for value in values]
        self.nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def add(self, kind: str, *values: Any, domain: str = "", **attributes: Any) -> None:
        inputs = [self.last, *(value if isinstance(value, str) else self.constant(value) for value in values)]
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.last], domain=domain, **attributes))

    def swapped(self, kind: str, value: Any) -> None:
        """A node whose first input is the constant."""
        inputs = [self.constant(value), self.last]
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.last]))

    def model(self, shape: tuple[int, ...], classes: int | tuple[int, ...], version: int = 1) -> Any:
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        answer = helper.make_tensor_value_info(
            self.last, TensorProto.FLOAT, (1, classes) if isinstance(classes, int) else classes
        )
        graph = helper.make_graph(self.nodes, "random", [image], [answer], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, version)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def dyadic(rng: np.random.Generator, shape: Any, *, positive: bool = False) -> Any:
    """Numbers of few bits."""
    numbers = rng.integers(1 if positive else -16, 17, shape) * 2.0 ** -int(rng.integers(0, 5))
    return np.where(numbers == 0, 0.5, numbers) if positive else numbers


def quantize(graph: Graph, channels: int, *, first: bool = False, rank: int = 2) -> bool:
    """An activation; whether its least value is 0."""
    rng = graph.rng
    scale = 2.0 ** int(rng.integers(-2, 2)) if not first else 2.0 ** -int(rng.integers(0, 4))
    kind = rng.choice(["bipolar", "signed", "narrow", "unsigned", "thresholds", "thresholds of channels"])
    if kind == "bipolar":
        graph.add("BipolarQuant", scale, domain=DOMAIN)
        return False
    if kind in ("signed", "narrow", "unsigned"):
        bits = int(rng.integers(1 if kind == "signed" else 2, 5 if not first else 9))
        signed, narrow = int(kind != "unsigned"), int(kind == "narrow")
        zero = float(rng.integers(-1, 2)) if rng.random() < 0.2 else 0.0
        if kind == "unsigned" and zero == 0 and rng.random() < 0.5 and not first:
            graph.add("Relu")
        mode = "ROUND" if rng.random() < 0.5 else str(rng.choice(ROUNDING_MODES))
        graph.add("Quant", scale, zero, float(bits), domain=DOMAIN, signed=signed, narrow=narrow, rounding_mode=mode)
        return kind == "unsigned" and zero == 0
    count = int(rng.integers(1, 8))
    rows = channels if kind == "thresholds of channels" and not first else 1
    thresholds = np.sort(rng.integers(-12, 13, (rows, count)) * scale, axis=1)
    step = 2.0 ** int(rng.integers(-1, 2))
    bias = float(rng.choice([0.0, -1.0, -step * count / 2]))
    graph.add("MultiThreshold", thresholds, domain=DOMAIN, out_scale=step, out_bias=bias)
    return bias == 0


def affine(graph: Graph, channels: int, rank: int) -> None:
    """A chain of arithmetic with constants, for all or for each channel."""
    rng = graph.rng
    shape = (1, channels, 1, 1) if rank == 4 else (channels,)
    for _ in range(int(rng.integers(0, 4))):
        of_channels = shape if rng.random() < 0.6 else (1,)
        kind = rng.choice(["Mul", "Div", "Add", "Sub", "from"])
        if kind == "from":
            graph.swapped("Sub", dyadic(rng, of_channels))
        elif kind == "Div":
            graph.add("Div", 2.0 ** rng.integers(-3, 4, of_channels) * rng.choice([-1, 1], of_channels))
        elif kind == "Mul":
            graph.add("Mul", dyadic(rng, of_channels))
        else:
            graph.add(kind, dyadic(rng, of_channels))


def layer(
    graph: Graph, rows: int, inputs: int, kernel: tuple[int, int] | None, zero: bool, groups: int = 1
) -> list[int]:
    """A layer with weights of one bit or more; the pads of a convolution, and its strides."""
    rng = graph.rng
    shape = (rows, inputs) if kernel is None else (rows, inputs // groups, *kernel)
    pads = [0, 0, 0, 0]
    if zero and kernel is not None:
        pads = [int(pad) for pad in rng.integers(0, (*kernel, *kernel))]
    weights = weights_of(graph, shape, most=1 if groups > 1 else 5)
    bias = (dyadic(rng, (rows,)),) if rng.random() < 0.3 else ()
    if kernel is not None:
        strides = [int(stride) for stride in rng.integers(1, 3, 2)]
        graph.add("Conv", weights, *bias, kernel_shape=list(kernel), pads=pads, strides=strides, group=groups)
        return [*pads, *strides]
    if rng.random() < 0.5 or bias:
        graph.add("Gemm", weights, *bias, transB=1)
    else:
        graph.add("MatMul", graph.of_constants("Transpose", weights, perm=[1, 0]))
    return pads


def weights_of(graph: Graph, shape: tuple[int, ...], most: int) -> str:
    """Weights: of one bit from numbers with signs, or as they stand; ternary ones, or of up to `most` bits."""
    rng, alpha = graph.rng, 2.0 ** int(graph.rng.integers(-2, 2))
    real = rng.normal(0, 1, shape)
    kind = rng.choice(["bipolar", "signs", "quant", "odd"]) if most > 1 else rng.choice(["bipolar", "signs"])
    if kind == "bipolar":
        real.reshape(-1)[: 1 + rng.integers(2)] = 0.0
        of_rows = 2.0 ** rng.integers(-2, 2, (shape[0], *(1,) * (len(shape) - 1)))
        return graph.of_constants("BipolarQuant", real, alpha if rng.random() < 0.5 else of_rows, domain=DOMAIN)
    if kind == "signs":
        return graph.constant(np.where(real >= 0, 1.0, -1.0) * alpha)
    bits = int(rng.integers(2, most + 1))
    if kind == "odd":
        return graph.constant((2 * rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape) + 1) * alpha)
    real.reshape(shape[0], -1)[:, 0] = 2.0  # no row of zeros
    narrow = int(rng.integers(2))
    return graph.of_constants(
        "Quant", real * alpha, alpha, 0.0, float(bits), domain=DOMAIN, signed=1, narrow=narrow, rounding_mode="ROUND"
    )


def random_qonnx(seed: int) -> tuple[Any, tuple[int, int, int]]:
    """A random chain with its input's channels, height and width."""
    rng = np.random.default_rng(seed)
    graph = Graph(rng)
    channels, height, width = int(rng.integers(1, 4)), int(rng.integers(3, 8)), int(rng.integers(3, 8))
    shape = (1, channels, height, width)
    if rng.random() < 0.5:  # bytes, in steps of 1/32
        graph.add("Mul", 2.0**-5)
        graph.add("Sub", float(rng.integers(0, 5)))
    else:
        graph.add("Div", 64.0)
    zero = quantize(graph, channels, first=True, rank=4)
    inputs = channels
    for _ in range(int(rng.integers(0, 3))):
        kernel = (int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1)))
        rows, groups = int(rng.integers(1, 7)), 1
        if rng.random() < 0.3:
            groups = int(rng.choice([one for one in range(1, inputs + 1) if inputs % one == 0]))
            rows = groups * -(-rows // groups)
        top, left, bottom, right, down, across = layer(graph, rows, inputs, kernel, zero, groups)
        height = (height + top + bottom - kernel[0]) // down + 1
        width = (width + left + right - kernel[1]) // across + 1
        inputs = rows
        before = min(height, width) >= 2 and rng.random() < 0.2
        affine(graph, rows, 4)
        if before:
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[1, 1])
            height, width = height - 1, width - 1
        zero = quantize(graph, rows, rank=4)
        if not before and min(height, width) >= 2 and rng.random() < 0.4:
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            height, width = height // 2, width // 2
    if rng.random() < 0.3:
        graph.add("Transpose", perm=[0, 2, 3, 1])
    if rng.random() < 0.5:
        graph.add("Flatten", axis=1)
    else:
        graph.add("Reshape", np.asarray([1, -1], dtype=np.int64))
    inputs *= height * width
    for _ in range(int(rng.integers(0, 3))):
        rows = int(rng.integers(1, 12))
        layer(graph, rows, inputs, None, zero=False)
        affine(graph, rows, 2)
        zero = quantize(graph, rows)
        inputs = rows
    classes = int(rng.integers(2, 7))
    layer(graph, classes, inputs, None, zero=False)
    if rng.random() < 0.7:
        graph.add("Mul", dyadic(rng, (1,), positive=True))
        graph.add("Add", dyadic(rng, (1,) if rng.random() < 0.5 else (classes,)))
    return graph.model(shape, classes), (channels, height, width)
