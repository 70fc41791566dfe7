"""Write a network of Xilinx' BNN-PYNQ (LFC or CNV, one or two bits of activation) as a QONNX file.

    python examples/bnn_pynq_to_qonnx.py PARAMETERS.npz MODEL.onnx

PARAMETERS.npz holds, for every layer N, the arrays that BNN-PYNQ loads, unpacked: `weights_N`, rows of
bits packed by np.packbits, 1 for +1, columns by kernel row, kernel column and channel; `columns_N`, how many there are;
and `thresholds_N`, one or two numbers a row. An activation turns where the accumulator is *above* its threshold.

In the file an activation is a MultiThreshold, weights are ±1, and the answer is what the accelerator sends: agreeing
bits of one-bit activations, signed sums of ternary ones. `rebnet compile MODEL.onnx` takes it, and so does qonnx.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"
CLASSES = 10
POOLED = (1, 3)
"""Layers of CNV with a max-pool of 2x2 behind them; 0 to 5 are convolutions of 3x3."""
CONVOLUTIONS = 6


class Writer:
    """The nodes and constants of a file, one behind the other."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = "image"

    def constant(self, values: NDArray[Any]) -> str:
        """The name of a new constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, *constants: NDArray[Any], domain: str = "", **attributes: Any) -> None:
        """A node that reads the one before, and constants."""
        inputs = [self.last, *map(self.constant, constants)]
        self.last = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.last], domain=domain, **attributes))

    def scalar(self, kind: str, number: float) -> None:
        """Arithmetic with one number."""
        self.add(kind, np.asarray(number, dtype=np.float32))

    def levels(self, thresholds: NDArray[Any]) -> None:
        """An activation of -1 and 1, or of -1, 0 and 1 where a row has two thresholds."""
        step = 2.0 / thresholds.shape[1]
        self.add("MultiThreshold", thresholds.astype(np.float32), domain=DOMAIN, out_scale=step, out_bias=-1.0)

    def model(self, shape: tuple[int, ...]) -> onnx.ModelProto:
        """The file."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        answer = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, (1, CLASSES))
        graph = helper.make_graph(self.nodes, "bnn_pynq", [image], [answer], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def layer(arrays: Any, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Weights of ±1, shape (rows, columns), and thresholds."""
    bits = np.unpackbits(arrays[f"weights_{number}"], axis=1, count=int(arrays[f"columns_{number}"]))
    key = f"thresholds_{number}"
    return bits.astype(np.float32) * 2 - 1, arrays[key].astype(np.int64) if key in arrays else None


def lfc(arrays: Any) -> onnx.ModelProto:
    """Dense layers behind the top bit of each pixel; an accumulator counts agreeing bits."""
    writer = Writer()
    writer.add("Flatten", axis=1)
    writer.scalar("Mul", 2.0)
    writer.scalar("Sub", 1.0)
    writer.levels(np.zeros((1, 1)))
    last = sum(name.startswith("weights_") for name in arrays) - 1
    for number in range(last + 1):
        weights, thresholds = layer(arrays, number)
        assert thresholds is not None
        counted = weights.shape[1]
        if number == 0:  # the accelerator's input is filled up with bits of 0
            thresholds = thresholds - (weights[:, 784:] < 0).sum(axis=1, keepdims=True)
            weights, counted = weights[:, :784], 784
        if number == last:
            weights, thresholds = weights[:CLASSES], thresholds[:CLASSES]
        writer.add("MatMul", np.ascontiguousarray(weights.T))
        if number == last:
            writer.scalar("Mul", 0.5)
            writer.add("Add", counted / 2 - thresholds[:, 0].astype(np.float32))
        else:
            writer.levels(2 * (thresholds + 1) - counted)
    return writer.model((1, 1, 28, 28))


def cnv(arrays: Any) -> onnx.ModelProto:
    """Six convolutions and three dense layers behind pixels of eight bits."""
    writer = Writer()
    writer.scalar("Mul", 2.0)
    writer.scalar("Sub", 1.0)
    constants = [np.asarray(number, dtype=np.float32) for number in (1 / 128, 0.0, 8.0)]
    writer.add("Quant", *constants, domain=DOMAIN, signed=1, narrow=0, rounding_mode="ROUND")
    one_bit, channels = arrays["thresholds_1"].shape[1] == 1, 3
    for number in range(9):
        weights, thresholds = layer(arrays, number)
        rows, counted = weights.shape
        if number < CONVOLUTIONS:
            kernel = np.moveaxis(weights.reshape(rows, 3, 3, channels), 3, 1)
            writer.add("Conv", np.ascontiguousarray(kernel), kernel_shape=[3, 3])
        else:
            if number == CONVOLUTIONS:  # columns are by row, column and channel
                writer.add("Transpose", perm=[0, 2, 3, 1])
                writer.add("Flatten", axis=1)
            writer.add("MatMul", np.ascontiguousarray(weights[: rows if thresholds is not None else CLASSES].T))
        channels = rows
        if thresholds is None:
            break
        if number == 0:
            writer.levels((thresholds + 1) / 256)
        else:
            writer.levels(2 * (thresholds + 1) - counted if one_bit else thresholds + 1)
        if number in POOLED:
            writer.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    if one_bit:
        writer.scalar("Mul", 0.5)
        writer.scalar("Add", counted / 2)
    return writer.model((1, 3, 32, 32))


def main(source: str, target: str) -> None:
    """Read the parameters, write the file."""
    with np.load(source) as arrays:
        model = cnv(arrays) if "weights_8" in arrays else lfc(arrays)
    Path(target).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/bnn_pynq_to_qonnx.py PARAMETERS.npz MODEL.onnx")
    main(*sys.argv[1:])
