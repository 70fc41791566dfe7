"""onnxruntime on the CPU: fp32, and int8 as its own static quantization makes it."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto
from onnxruntime import quantization

from cpu_peers.job import Call, Way, Work
from cpu_peers.onnx_graph import FORMS, onnx_model

CALIBRATION = 64  # images


def ways(work: Work) -> list[Way]:
    """The forms of the function, or the kinds of int8."""
    if work.job.precision == "int8":
        choices: tuple[str, ...] = ("activations uint8", "activations int8")
    else:
        choices = FORMS if work.job.kind == "function" else ("as written",)
    return [Way(choice, images) for choice in choices for images in sorted({work.job.batch, min(work.job.batch, 16)})]


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images; inputs and outputs are bound beforehand."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work.job.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    form = way.choice if work.job.kind == "function" else FORMS[0]
    model = onnx_model(work.described, way.images, form)
    inputs: Any = work.inputs
    if work.job.precision == "int8":
        model = quantized(work, model, way.images, signed=way.choice == "activations int8")
        inputs = quantize_input(model, inputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    calls = []
    for part in work.batches(way):
        value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(inputs[part]))
        calls.append(_call(session, {session.get_inputs()[0].name: value}))
    return calls


def _call(session: Any, feed: dict[str, Any]) -> Call:
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, value)
    name = session.get_outputs()[0].name
    kinds = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}
    kind = kinds[session.get_outputs()[0].type]
    result = onnxruntime.OrtValue.ortvalue_from_shape_and_type(session.get_outputs()[0].shape, kind)
    binding.bind_ortvalue_output(name, result)

    def call() -> Any:
        session.run_with_iobinding(binding)
        return result

    return call


class _Images(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Images for the calibration, a batch at a time."""

    def __init__(self, work: Work, images: int) -> None:
        count = max(CALIBRATION, images)
        self._batches: Iterator[Any] = (work.inputs[start : start + images] for start in range(0, count, images))

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, or None."""
        batch = next(self._batches, None)
        return None if batch is None else {"input": batch}


def quantized(work: Work, model: Any, images: int, signed: bool) -> Any:
    """The model with QuantizeLinear and DequantizeLinear: weights int8 per row."""
    import onnx

    kind = quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "quantized.onnx"
        quantization.quantize_static(
            model,
            path,
            _Images(work, images),
            per_channel=True,
            activation_type=kind,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(path)


def quantize_input(model: Any, inputs: Any) -> Any:
    """Take the first QuantizeLinear out of the model, in place, and do it to the inputs instead."""
    from onnx import numpy_helper

    graph = model.graph
    (first,) = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "input"]
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    scale, zero = constants[first.input[1]], constants[first.input[2]]
    graph.node.remove(first)
    image = graph.input[0]
    image.name = first.output[0]
    image.type.tensor_type.elem_type = TensorProto.INT8 if zero.dtype == np.int8 else TensorProto.UINT8
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(inputs / scale) + zero, limits.min, limits.max).astype(zero.dtype)
