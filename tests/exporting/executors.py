"""What the executors of others compute of an exported file."""

import numpy as np
import pytest


def executed(data, images):
    """What qonnx computes of a file's bytes, cleaned up as its tools do first; images N×H×W×C, an image at a time."""
    pytest.importorskip("qonnx")
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(onnx.load_from_string(data)))
    (image,), (answer,) = model.graph.input, model.graph.output
    inputs = images.transpose(0, 3, 1, 2).astype(np.float32)
    return np.concatenate([execute_onnx(model, {image.name: one[None]})[answer.name] for one in inputs])


def run_by_onnxruntime(data, images):
    """What onnxruntime computes of a file's bytes, with all that it does to a graph before; all images at once."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images.transpose(0, 3, 1, 2).astype(np.float32)})[0]
