"""OpenVINO on the CPU: fp32, bf16, and int8 as NNCF or as onnxruntime's quantization makes it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino

from cpu_peers.job import Call, Way, Work
from cpu_peers.onnx_graph import FORMS, onnx_model

CALIBRATION = 64  # images


def ways(work: Work) -> list[Way]:
    """The forms of the function, or the sources of int8."""
    if work.job.precision == "int8":
        choices: tuple[str, ...] = ("NNCF", "NNCF, uint8 in", "onnxruntime's quantization")
    else:
        choices = FORMS if work.job.kind == "function" else ("as written",)
    return [Way(choice, images) for choice in choices for images in sorted({work.job.batch, min(work.job.batch, 16)})]


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images, whose input tensor is in place."""
    from openvino import properties

    core = openvino.Core()
    model, inputs = _model(work, way)
    precision = openvino.Type.bf16 if work.job.precision == "bf16" else openvino.Type.f32
    hints = {
        properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
        properties.hint.inference_precision: precision,
        properties.inference_num_threads: work.job.threads,
        properties.num_streams: 1,
        properties.hint.enable_cpu_pinning: False,  # the process is on its cores already
    }
    request = core.compile_model(model, "CPU", hints).create_infer_request()
    output = request.get_output_tensor().data
    calls = []
    for part in work.batches(way):
        tensor = openvino.Tensor(np.ascontiguousarray(inputs[part]), shared_memory=True)
        calls.append(_call(request, tensor, output))
    return calls


def _call(request: Any, tensor: Any, output: Any) -> Call:
    set_tensor, start, wait = request.set_input_tensor, request.start_async, request.wait

    def call() -> Any:
        set_tensor(tensor)
        start()  # less of Python than infer()
        wait()
        return output

    return call


def _model(work: Work, way: Way) -> tuple[Any, Any]:
    """The model and all inputs as it takes them."""
    graph = onnx_model(work.described, way.images, way.choice if work.job.kind == "function" else FORMS[0])
    if work.job.precision != "int8":
        return read(graph), work.inputs
    if way.choice == "onnxruntime's quantization":
        from cpu_peers.with_onnxruntime import quantized

        return read(quantized(work, graph, way.images, signed=False)), work.inputs
    import nncf

    nncf.set_log_level(40)
    count = max(1, CALIBRATION // way.images)
    batches = [work.inputs[number * way.images : (number + 1) * way.images] for number in range(count)]
    model = nncf.quantize(read(graph), nncf.Dataset(batches), subset_size=count)
    if way.choice == "NNCF":
        return model, work.inputs
    step = openvino.preprocess.PrePostProcessor(model)
    step.input().tensor().set_element_type(openvino.Type.u8)
    step.input().preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
    return step.build(), work.described.arranged(work.images)


def read(graph: Any) -> Any:
    """An ONNX graph as a model of OpenVINO."""
    return openvino.Core().read_model(graph.SerializeToString())
