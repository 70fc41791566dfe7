"""A described network as a LiteRT model: images N x height x width x channels, in float32 or int8.

Written with the schema that comes with LiteRT, so no converter is needed. In int8, activations have one scale, weights
one for each row, as its converter's full quantization has; ranges come from the images given.
"""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from cpu_peers.described import Code, Described, Floats, Layer, layer_outputs

VERSION = 3
"""Of the format."""
_OP = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions
_NO, _RELU, _CLIP = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU_N1_TO_1,
)
_KINDS = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int8): schema.TensorType.INT8,
}
_VERSIONS = {_OP.CONV_2D: 3, _OP.FULLY_CONNECTED: 5, _OP.MAX_POOL_2D: 2}
"""Versions of operations that know int8; 1 for others."""


class Writer:
    """Tensors and operations in the order in which they are added; batch and float or int8 hold for all."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.tensors: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT(data=[])]
        self.codes: list[int] = []
        self.operators: list[Any] = []

    def tensor(
        self, shape: tuple[int, ...], kind: Any, scale: NDArray[Any] | float | None = None, zero: int = 0
    ) -> int:
        """A tensor without a value; with a scale, or with one per row, it is quantized."""
        quantization = None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, dtype=np.float32))
            quantization = schema.QuantizationParametersT(
                scale=scales, zeroPoint=np.full(len(scales), zero, dtype=np.int64)
            )
        name = f"t{len(self.tensors)}".encode()
        dtype = _KINDS[np.dtype(kind)]
        self.tensors.append(
            schema.TensorT(
                shape=np.array(shape, dtype=np.int32), type=dtype, buffer=0, name=name, quantization=quantization
            )
        )
        return len(self.tensors) - 1

    def constant(self, value: NDArray[Any], scale: NDArray[Any] | float | None = None) -> int:
        """A tensor with a value."""
        index = self.tensor(value.shape, value.dtype, scale)
        self.tensors[index].buffer = len(self.buffers)
        self.buffers.append(schema.BufferT(data=np.frombuffer(np.ascontiguousarray(value).tobytes(), dtype=np.uint8)))
        return index

    def add(self, code: int, inputs: list[int], output: int, options: Any = None, kind: int = 0) -> int:
        """An operation; returns its output."""
        if code not in self.codes:
            self.codes.append(code)
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=self.codes.index(code),
                inputs=np.array(inputs, dtype=np.int32),
                outputs=np.array([output], dtype=np.int32),
                builtinOptions=options,
                builtinOptionsType=kind,
            )
        )
        return output

    def finish(self, image: int, scores: int) -> bytes:
        """The file."""
        codes = [
            schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=_VERSIONS.get(code, 1))
            for code in self.codes
        ]
        graph = schema.SubGraphT(
            tensors=self.tensors,
            inputs=np.array([image], dtype=np.int32),
            outputs=np.array([scores], dtype=np.int32),
            operators=self.operators,
            name=b"network",
        )
        model = schema.ModelT(
            version=VERSION, operatorCodes=codes, subgraphs=[graph], description=b"", buffers=self.buffers
        )
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def litert_model(described: Described, batch: int, calibration: Floats | None = None) -> bytes:
    """The model in float32, or with inputs to calibrate with (as `layer_outputs` takes them) in int8.

    An int8 input is a pixel less 128.
    """
    writer = Writer(batch)
    kind: Any = np.float32 if calibration is None else np.int8
    shape: tuple[int, ...] = described.shape
    scales = [None] * len(described.layers) if calibration is None else _scales(described, calibration)
    scale = None if calibration is None else described.slope
    image = name = writer.tensor((batch, *shape), kind, scale, -128)
    for layer, scale_out in zip(described.layers, scales, strict=True):
        last = layer is described.layers[-1]
        zero = 0 if last else -128
        weights, shape = _weights(layer, shape)
        operands = [name, *_operands(writer, weights, layer.bias, scale)]
        activation = _NO if last else _RELU
        if layer.code is not None:  # one level's sign is clipped to -1 … 1 at once; r is odd
            activation = _CLIP if layer.code.gains == (1.0,) else _NO
        output = writer.tensor((batch, *shape), kind, scale_out, zero)
        if layer.is_conv:
            conv = schema.Conv2DOptionsT(
                padding=schema.Padding.VALID, strideW=1, strideH=1, fusedActivationFunction=activation
            )
            name = writer.add(_OP.CONV_2D, operands, output, conv, _OPTIONS.Conv2DOptions)
        else:
            dense = schema.FullyConnectedOptionsT(fusedActivationFunction=activation)
            name = writer.add(_OP.FULLY_CONNECTED, operands, output, dense, _OPTIONS.FullyConnectedOptions)
        if layer.pool is not None:
            name, shape = _pool(writer, name, shape, layer.pool, (kind, scale_out, zero))
        if layer.code is not None and activation == _NO:
            name = _code(writer, name, shape, layer.code)
        scale = scale_out
    return writer.finish(image, name)


def _weights(layer: Layer, shape: tuple[int, ...]) -> tuple[Floats, tuple[int, ...]]:
    """Weights with channels last, and the shape of the layer's output."""
    rows = len(layer.weights)
    if layer.is_conv:
        size = layer.weights.shape[-1]
        return layer.weights.transpose(0, 2, 3, 1), (shape[0] - size + 1, shape[1] - size + 1, rows)
    if len(shape) == 1:
        return layer.weights, (rows,)
    height, width, channels = shape
    return layer.weights.reshape(rows, channels, height, width).transpose(0, 2, 3, 1).reshape(rows, -1), (rows,)


def _operands(writer: Writer, weights: Floats, bias: Floats, scale: float | None) -> list[int]:
    """Weights and bias, quantized where the input has a scale."""
    if scale is None:
        return [writer.constant(weights), writer.constant(bias)]
    per_row = np.abs(weights.reshape(len(weights), -1)).max(axis=1) / 127
    steps = np.rint(weights / per_row.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
    return [
        writer.constant(steps, per_row),
        writer.constant(np.rint(bias / (scale * per_row)).astype(np.int32), scale * per_row),
    ]


def _pool(
    writer: Writer, name: int, shape: tuple[int, ...], pool: tuple[int, int], quantized: tuple[Any, Any, int]
) -> tuple[int, tuple[int, ...]]:
    size, stride = pool
    shape = ((shape[0] - size) // stride + 1, (shape[1] - size) // stride + 1, shape[2])
    options = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideW=stride, strideH=stride, filterWidth=size, filterHeight=size
    )
    output = writer.tensor((writer.batch, *shape), *quantized)
    return writer.add(_OP.MAX_POOL_2D, [name], output, options, _OPTIONS.Pool2DOptions), shape


def _code(writer: Writer, name: int, shape: tuple[int, ...], code: Code) -> int:
    """Σ gains_i·sign(r_i) of an odd r, whose sign is r clipped to -1 … 1."""
    total = -1

    def new() -> int:
        return writer.tensor((writer.batch, *shape), np.float32)

    for level, gain in enumerate(code.gains):
        sign = writer.add(_OP.RELU_N1_TO_1, [name], new())
        part = _product(writer, sign, writer.constant(np.full(1, gain, dtype=np.float32)), new())
        if total < 0:
            total = part
        else:
            total = writer.add(_OP.ADD, [total, part], new(), schema.AddOptionsT(), _OPTIONS.AddOptions)
        if level + 1 < len(code.gains):
            step = _product(writer, sign, writer.constant(code.steps[level]), new())
            name = writer.add(_OP.SUB, [name, step], new(), schema.SubOptionsT(), _OPTIONS.SubOptions)
    return total


def _product(writer: Writer, left: int, right: int, output: int) -> int:
    return writer.add(_OP.MUL, [left, right], output, schema.MulOptionsT(), _OPTIONS.MulOptions)


def _scales(described: Described, calibration: Floats) -> list[Any]:
    """The scale of every layer's output: 0 … max in 255 steps behind ReLU, -max … max in 254 behind the last one."""
    peaks = [float(np.abs(output).max()) for output in layer_outputs(described, calibration)]
    return [*(peak / 255 for peak in peaks[:-1]), peaks[-1] / 127]
