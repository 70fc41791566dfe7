"""A lowered network with branches as an ONNX graph in float32: the function of the engine, or a ReLU network.

Weights are +1 and -1, features are whole numbers (`Floor`), and a residual sign clips odd numbers to -1 … 1, as in
`described.py`; what multiplies a row of sums is folded into its weights. A ReLU network has real random weights of the
same shapes, ReLU for every code, and averages for sums.
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from cpu_peers.onnx_graph import OPSET, Graph
from rebnet.ir.features import Add, Rescale, SumPool
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Feature, Shape, shifts_to_finest
from rebnet.spec.window import Window

Numbers = NDArray[Any]


def onnx_branches(network: Network, batch: int, *, relu: bool) -> Any:
    """The model of a network at M levels for one batch size.

    Raises:
        ValueError: the network has joins or stacks, or sums over windows.
    """
    graph = _Branches(network, relu)
    names = {PIXELS: "input"}
    for node in network.nodes:
        names[node.name] = graph.put(node, [names[source] for source in network.sources(node)])
    image = network.input
    shape = [batch, image.channels, image.height, image.width]
    pixels = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    answer = names[network.answers[0].name]
    scores = helper.make_tensor_value_info(answer, TensorProto.FLOAT, [batch, network.classes])
    whole = helper.make_graph(graph.nodes, "network", [pixels], [scores], graph.constants)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _pads(window: Window, shape: Shape) -> list[int]:
    """Rows above, columns left, rows below and columns right of a map."""
    (top, below), (left, right) = window.padding(shape.height, shape.width)
    return [top, left, below, right]


class _Branches(Graph):
    """The nodes of a network, one after the other."""

    def __init__(self, network: Network, relu: bool) -> None:
        super().__init__()
        self._network, self._relu = network, relu
        self._index = network.served.index(network.levels)
        self._random = np.random.default_rng(0)

    def put(self, node: Node[Op], sources: list[str]) -> str:
        """The name of the value of a node."""
        match node.op:
            case Dense() as op:
                return self._layer(node, op, sources[0])
            case Rescale() | Scores():
                behind = not self._relu and isinstance(node.op, Rescale)
                return self.node("Floor", sources[0]) if behind else sources[0]
            case Threshold() as op:
                return self.node("Relu", sources[0]) if self._relu else self._code(node, op, sources[0])
            case Add():
                return self._add(node, sources)
            case SumPool(window=None):
                mean = self.node("GlobalAveragePool", sources[0])
                area = self._network.read(node).shape.positions
                return mean if self._relu else self.node("Mul", mean, self.constant(area))
            case MaxPool(window=window):
                return self.node(
                    "MaxPool",
                    sources[0],
                    kernel_shape=list(window.kernel),
                    strides=list(window.stride),
                    pads=_pads(window, self._network.read(node).shape),
                )
        raise ValueError(f"{self._network.name}, {node.name}: no graph is written for {type(node.op).__name__}")

    def _layer(self, node: Node[Op], op: Dense, name: str) -> str:
        """Sums of a layer, as what reads them wants them: in units of the encoder, of features, or of scores."""
        shape = self._network.read(node).shape
        slope, bias = self._affine(op, self._network.users[node.name][0].op)
        signs = np.where(op.weights.bits, 1.0, -1.0)
        if self._relu:
            signs = self._random.standard_normal(signs.shape) * (2 / signs.shape[1]) ** 0.5
            slope, bias = np.ones(len(signs)), np.zeros(len(signs))
        weights = signs * slope[:, None]
        if not isinstance(op, Conv):
            weights = weights.reshape(-1, *shape).transpose(0, 3, 1, 2).reshape(len(weights), -1)
            return self.node("Gemm", self.node("Flatten", name), self.constant(weights), self.constant(bias), transB=1)
        window = op.window
        weights = weights.reshape(-1, *window.kernel, shape.channels).transpose(0, 3, 1, 2)
        pads = _pads(window, shape)
        if any(pads) and not self._relu:  # with the lowest code, which is not 0
            assert op.gains is not None
            lowest = self.constant(-sum(op.gains[self._index]))
            name, pads = self.node("Pad", name, self.integers([0, 0, *pads[:2], 0, 0, *pads[2:]]), lowest), [0] * 4
        strides = list(window.stride)
        return self.node("Conv", name, self.constant(weights), self.constant(bias), pads=pads, strides=strides)

    def _affine(self, op: Dense, tail: Op) -> tuple[Numbers, Numbers]:
        """What a layer's signed sums v are multiplied with, and what is added."""
        index = self._index
        match tail:
            case Threshold():
                unit = float(1 << tail.shift)
                slope = np.full(op.weights.rows, unit)
                return slope, unit * op.reaches[index] - 2 * tail.thresholds[index] + 1
            case Rescale():
                return tail.scale[index] / 2.0**tail.shift, (tail.bias[index] + 0.5) / 2.0**tail.shift
        return cast(Scores, tail).scale[index].astype(float), cast(Scores, tail).bias[index].astype(float)

    def _code(self, node: Node[Op], op: Threshold, name: str) -> str:
        """Σ g_i·s_i of an odd number r: s_i = clip(r), r -= 2·δ_i·s_i."""
        per_row = (1, -1, 1, 1)
        if isinstance(self._network.read(node), Feature):
            name = self.node("Mul", name, self.constant(float(2 << op.shift)))
            name = self.node("Add", name, self.constant((1 - 2 * op.thresholds[self._index]).reshape(per_row)))
        reader = node
        while not isinstance(reader.op, Dense):
            reader = self._network.users[reader.name][0]
        assert reader.op.gains is not None
        total, one = "", (self.constant(-1), self.constant(1))
        for level, gain in enumerate(reader.op.gains[self._index]):
            sign = self.node("Clip", name, *one)
            value = sign if gain == 1 else self.node("Mul", sign, self.constant(gain))
            total = self.node("Add", total, value) if total else value
            if level < op.steps.shape[-1]:
                step = self.constant(2 * op.steps[self._index][:, level].reshape(per_row))
                name = self.node("Sub", name, self.node("Mul", sign, step))
        return total

    def _add(self, node: Node[Op], sources: list[str]) -> str:
        read = [cast(Feature, self._network.values[source]) for source in self._network.sources(node)]
        shifts = (0,) * len(read) if self._relu else shifts_to_finest(read)
        terms = [
            self.node("Mul", name, self.constant(1 << shift)) if shift else name
            for name, shift in zip(sources, shifts, strict=True)
        ]
        total = terms[0]
        for term in terms[1:]:
            total = self.node("Add", total, term)
        return total
