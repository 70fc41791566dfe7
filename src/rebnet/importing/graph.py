"""An ONNX file as plain nodes and arrays. Needs the package `onnx`; nothing outside of the file is read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rebnet.errors import MissingExtraError, ModelError, OptionError
from rebnet.files import Array
from rebnet.importing.schema import check_node

MOST_BYTES = 1 << 28
"""Of a file, and of all constants in it."""
MOST_NODES = 20_000
DOMAINS = ("", "ai.onnx", "qonnx.custom_op.general", "finn.custom_op.general", "finn", "onnx.brevitas")
"""Of the nodes that are read; QONNX' channels_last has nodes of the same names that count axes otherwise."""
_OPSET = 7
"""The first where Add and Mul spread what they read from its last axis on."""
_IMAGES = ("UNDEFINED", "FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "UINT8")
_TYPES = ("FLOAT", "DOUBLE", "FLOAT16", "INT64", "INT32", "INT8", "UINT8", "BOOL")


@dataclass(frozen=True)
class OnnxNode:
    """A node: its kind without the domain, its name, the tensors that it reads ("" where left out) and gives."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"node {self.name or self.outputs[0]!r}, {self.kind}"


@dataclass(frozen=True)
class OnnxGraph:
    """A file's graph.

    Attributes:
        nodes: in an order in which each reads what stands before it.
        constants: arrays by name.
        image: the tensor that is the image, and its shape.
        image_type: its data type by QONNX' annotation, "" without one; UINT8 of an input that holds bytes.
        answer: the tensor that is the network's answer.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    image: str
    shape: tuple[int, ...]
    image_type: str
    answer: str


def read_graph(path: Path, place: str) -> OnnxGraph:
    """Read an ONNX file.

    Args:
        path: of the file.
        place: what refusals call it.

    Raises:
        MissingExtraError: the package onnx is not installed.
        OptionError: there is no such file.
        ModelError: it is no ONNX file, too large, keeps numbers outside of itself, or its shape is open.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtraError(f"{place}: reading it needs the package onnx; pip install 'rebnet[onnx]'") from None
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise OptionError(f"{place}: {error.strerror}; name an ONNX file") from None
    if size > MOST_BYTES:
        raise ModelError(f"{place}: has {size} bytes; {MOST_BYTES} are the most that is read")
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # of what parses the file, which has no base of its own
        raise ModelError(f"{place}: not an ONNX file ({type(error).__name__})") from None
    versions = {one.domain: one.version for one in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", _OPSET))
    if version < _OPSET:
        raise ModelError(f"{place}: has version {version} of ONNX' operations; {_OPSET} and later are read")
    own = {(one.domain, one.name) for one in model.functions}
    for node in model.graph.node:
        if node.domain not in DOMAINS or (node.domain, node.op_type) in own:
            raise ModelError(
                f"{place}: node {_called(node)!r}, {node.op_type}: is of the domain {node.domain!r}, or a function of "
                f"the file; nodes of {', '.join(filter(None, DOMAINS))} are read"
            )
    return _graph(place, model.graph)


def _called(node: Any) -> str:
    return str(node.name or next(iter(node.output), ""))


def _graph(place: str, graph: Any) -> OnnxGraph:
    import onnx

    if len(graph.node) > MOST_NODES:
        raise ModelError(f"{place}: has {len(graph.node)} nodes; {MOST_NODES} are the most that is read")
    constants = _constants(place, graph)
    images = [one for one in graph.input if one.name not in constants]
    together = any(all(one.name in node.output for one in graph.output) for node in graph.node)  # as TopK's two
    if len(images) != 1 or not (len(graph.output) == 1 or (graph.output and together)):
        raise ModelError(
            f"{place}: has {len(images)} inputs and {len(graph.output)} outputs; a network has one image and one answer"
        )
    (image,) = images
    twice = [name for name, times in Counter(_given(graph, image.name)).items() if name and times > 1]
    if twice:
        raise ModelError(f"{place}: gives {twice[0]!r} more than once; give each tensor a name of its own")
    shape = tuple(size.dim_value for size in image.type.tensor_type.shape.dim)
    if not shape or min(shape[1:], default=0) < 1 or shape[0] not in (0, 1):
        raise ModelError(
            f"{place}: its input {image.name!r} has the shape {shape}, where 0 is open; fix it for one image with "
            "qonnx-cleanup --override-inpsize"
        )
    annotated = {
        one.tensor_name: {pair.key: pair.value for pair in one.quant_parameter_tensor_names}
        for one in graph.quantization_annotation
    }
    kind = onnx.TensorProto.DataType.Name(image.type.tensor_type.elem_type)
    annotation = annotated.get(image.name, {}).get("finn_datatype", "")
    if kind not in _IMAGES:
        raise ModelError(f"{place}: its input {image.name!r} has the type {kind}; FLOAT or UINT8 is read")
    return OnnxGraph(
        nodes=tuple(_node(place, node) for node in graph.node),
        constants=constants,
        image=image.name,
        shape=(1, *shape[1:]),
        image_type="UINT8" if kind == "UINT8" else annotation,
        answer=graph.output[0].name,
    )


def _given(graph: Any, image: str) -> Iterator[str]:
    """The name of everything that the graph gives."""
    yield image
    yield from (one.name for one in graph.initializer)
    for node in graph.node:
        yield from node.output


def _constants(place: str, graph: Any) -> dict[str, Array]:
    constants, total = {}, 0
    for tensor in graph.initializer:
        array = array_of(f"{place}: {tensor.name!r}", tensor)
        total += array.nbytes
        if total > MOST_BYTES:
            raise ModelError(f"{place}: its constants take more than {MOST_BYTES} bytes, the most that is read")
        constants[tensor.name] = array
    return constants


def array_of(place: str, tensor: Any) -> Array:
    """A tensor of the file as an array.

    Raises:
        ModelError: its numbers stand elsewhere, have no type that is read, or are not as many as its shape says.
    """
    import onnx
    from onnx import numpy_helper

    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(f"{place}: its numbers stand in another file; save the model with them inside")
    name = onnx.TensorProto.DataType.Name(tensor.data_type) if 0 < tensor.data_type < 24 else str(tensor.data_type)
    if name not in _TYPES:
        raise ModelError(f"{place}: has the type {name}; {', '.join(_TYPES)} are read")
    if min(tensor.dims, default=1) < 0 or float(np.prod([float(size) for size in tensor.dims])) > MOST_BYTES:
        raise ModelError(f"{place}: has the shape {tuple(tensor.dims)}")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{place}: {error}") from None


def _node(place: str, node: Any) -> OnnxNode:
    import onnx

    attributes: dict[str, Any] = {}
    for one in node.attribute:
        kind = one.type
        if kind == onnx.AttributeProto.TENSOR:
            attributes[one.name] = array_of(f"{place}: {_called(node)!r}, {one.name}", one.t)
        elif one.ref_attr_name:
            raise ModelError(f"{place}: node {_called(node)!r}, {node.op_type}: has {one.name} of a function, not read")
        elif kind in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            raise ModelError(
                f"{place}: node {_called(node)!r}, {node.op_type}: holds a graph of its own, which is not read"
            )
        else:
            value = onnx.helper.get_attribute_value(one)
            attributes[one.name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not node.output:
        raise ModelError(f"{place}: node {node.name!r}, {node.op_type}: gives nothing")
    known = sum(1 for one in node.input if one)
    check_node(f"{place}: node {_called(node)!r}, {node.op_type}", node.op_type, known, attributes)
    return OnnxNode(node.op_type, node.name, tuple(node.input), tuple(node.output), attributes)
