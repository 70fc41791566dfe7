"""A draft as a file of ONNX. Needs the package `onnx`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebnet.errors import MissingExtraError, ModelError
from rebnet.exporting.draft import Draft, DraftNode, Tensor

OPSET, QONNX_OPSET, IR_VERSION = 16, 1, 8
"""Versions that qonnx 1.0, FINN and onnxruntime 1.11 and later read."""


def require_onnx(place: Path) -> Any:
    """The package `onnx`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtraError(f"{place}: writing it needs the package onnx; pip install 'rebnet[onnx]'") from None
    return onnx


def model_bytes(
    place: Path, name: str, draft: Draft, answer: Tensor, batch: int | None, told: Mapping[str, str]
) -> bytes:
    """The bytes of a file; the same draft gives the same.

    Args:
        place: where they will be, for what is refused.
        name: of the graph.
        draft: the graph.
        answer: its output.
        batch: images that it takes at a time; None for any number.
        told: what the file says of itself.

    Raises:
        MissingExtraError: the package onnx is not installed.
        ModelError: they are more than protobuf holds.
    """
    onnx = require_onnx(place)
    helper = onnx.helper

    def info(tensor: str) -> Any:
        sizes, element = draft.sizes[tensor]
        dims = [("N" if batch is None else batch) if size is None else size for size in sizes]
        return helper.make_tensor_value_info(tensor, getattr(onnx.TensorProto, element), dims)

    image = next(iter(draft.sizes))
    graph = helper.make_graph(
        [_node(onnx, node) for node in draft.nodes],
        name,
        [info(image)],
        [info(answer.name)],
        [onnx.numpy_helper.from_array(array, constant) for constant, array in draft.constants.items()],
        value_info=[info(tensor) for tensor in draft.sizes if tensor not in (image, answer.name)],
    )
    annotation = graph.quantization_annotation.add()
    annotation.tensor_name = image
    pair = annotation.quant_parameter_tensor_names.add()
    pair.key, pair.value = "finn_datatype", "UINT8"
    domains = {node.domain for node in draft.nodes} - {""}
    versions = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, QONNX_OPSET) for domain in domains)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="rebnet")
    helper.set_model_props(model, dict(told))
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except Exception as error:  # of what writes the file, which has no base of its own
        raise ModelError(f"{place}: no file of ONNX holds it ({error}); export a smaller network") from None


def _node(onnx: Any, node: DraftNode) -> Any:
    attributes = dict(node.attributes)
    if node.kind == "Cast":
        attributes["to"] = getattr(onnx.TensorProto, attributes["to"])
    return onnx.helper.make_node(
        node.kind, list(node.inputs), [node.output], name=f"{node.output}_node", domain=node.domain, **attributes
    )
