"""LiteRT (TensorFlow Lite) with XNNPACK on the CPU: fp32 and int8."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cpu_peers.job import Call, Way, Work
from cpu_peers.litert_model import litert_model

CALIBRATION = 64  # images


def ways(work: Work) -> list[Way]:
    """How many images at a time."""
    return [Way("as written", images) for images in sorted({work.job.batch, min(work.job.batch, 16)})]


def prepare(work: Work, way: Way) -> Sequence[Call]:
    """One call for each batch of images: they are copied in, as its interface asks."""
    if work.job.precision == "int8":
        model = litert_model(work.described, way.images, work.inputs[:CALIBRATION])
        inputs: Any = (work.images.astype(np.int16) - 128).astype(np.int8)
    else:
        model = litert_model(work.described, way.images)
        inputs = work.described.values(work.images)
    interpreter = Interpreter(model_content=model, num_threads=work.job.threads)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    return [_call(interpreter, place, result, np.ascontiguousarray(inputs[part])) for part in work.batches(way)]


def _call(interpreter: Any, place: int, result: int, images: Any) -> Call:
    def call() -> Any:
        interpreter.set_tensor(place, images)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return call
