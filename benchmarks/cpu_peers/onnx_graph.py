"""A described network as an ONNX graph in float32; images are N x channels x height x width, or N vectors."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cpu_peers.described import Code, Described, Layer

OPSET = 17
FORMS = ("clip", "where")
"""How a sign is written. r is odd, so clipping it to -1 … 1 gives its sign, as r ≥ 0 ? 1 : -1 does."""


class Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any] | float) -> str:
        """The name of a constant, in float32."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32, order="C"), name))
        return name

    def integers(self, values: list[int]) -> str:
        """The name of a constant, in int64."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The name of a node's output."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{kind}_{name}", **attributes))
        return name


def onnx_model(described: Described, batch: int, form: str = "where") -> Any:
    """The model for one batch size; `form` is one of `FORMS`."""
    graph = Graph()
    name, flat = "input", not described.layers[0].is_conv
    for layer in described.layers:
        if layer.is_conv:
            name = graph.node("Conv", name, graph.constant(layer.weights), graph.constant(layer.bias))
        else:
            name = name if flat else graph.node("Flatten", name)
            flat = True
            name = graph.node("Gemm", name, graph.constant(layer.weights), graph.constant(layer.bias), transB=1)
        if layer.code is None and layer is not described.layers[-1]:
            name = graph.node("Relu", name)
        if layer.pool is not None:
            size, stride = layer.pool
            name = graph.node("MaxPool", name, kernel_shape=[size, size], strides=[stride, stride])
        if layer.code is not None:
            name = _code(graph, name, layer, layer.code, form)
    height, width, channels = described.shape
    shape = [channels, height, width] if described.layers[0].is_conv else [channels * height * width]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *shape])
    scores = helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, len(described.layers[-1].bias)])
    whole = helper.make_graph(graph.nodes, "network", [image], [scores], graph.constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _code(graph: Graph, name: str, layer: Layer, code: Code, form: str) -> str:
    """Σ gains_i·sign(r_i)."""
    total = ""
    for level, gain in enumerate(code.gains):
        last = level + 1 == len(code.gains)
        sign = _sign(graph, name, form)
        part = sign if gain == 1 else graph.node("Mul", sign, graph.constant(gain))
        total = part if not total else graph.node("Add", total, part)
        if not last:
            step = graph.constant(code.steps[level].reshape(layer.per_row))
            name = graph.node("Sub", name, graph.node("Mul", sign, step))
    return total


def _sign(graph: Graph, name: str, form: str) -> str:
    minus, plus = graph.constant(-1), graph.constant(1)
    if form == "clip":
        return graph.node("Clip", name, minus, plus)
    return graph.node("Where", graph.node("GreaterOrEqual", name, graph.constant(0)), plus, minus)
