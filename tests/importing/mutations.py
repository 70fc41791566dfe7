"""Damage to QONNX files: bytes, attributes, wires, numbers and shapes that are not what they were."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import AttributeProto, helper, numpy_helper

KINDS = (
    "Add", "Sub", "Mul", "Div", "Concat", "Relu", "Identity", "Flatten", "Transpose", "Softmax", "Sigmoid", "TopK",
    "ArgMax", "MatMul", "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Sign", "Shape", "Slice",
    "XnorPopcountMatMul", "BatchNormalization", "Squeeze", "Reshape", "Sum", "Quant", "BipolarQuant", "MultiThreshold",
    "Constant", "Loop", "Pad", "Trunc",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 3, 7, 255, 1 << 20, -(1 << 40), (1 << 62), 0.5, -0.0, 1e30, float("nan"), float("inf"))


def _bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Bytes changed, left out and put in."""
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(damaged)))
        match int(rng.integers(3)):
            case 0:
                damaged[place] ^= 1 << int(rng.integers(8))
            case 1:
                del damaged[place : place + int(rng.integers(1, 40))]
            case 2:
                damaged[place:place] = rng.integers(0, 256, int(rng.integers(1, 10)), dtype=np.uint8).tobytes()
    return bytes(damaged)


def _pick(rng: np.random.Generator, things: Any) -> Any:
    return things[int(rng.integers(len(things)))]


def _attribute(rng: np.random.Generator, model: Any) -> None:
    """An attribute with another value, of another type, left out, or that was not there."""
    node = _pick(rng, model.graph.node)
    number = _pick(rng, NUMBERS)
    if not node.attribute or rng.random() < 0.2:
        name = str(_pick(rng, ["axis", "axes", "group", "pads", "transA", "signed", "perm", "out_scale", "dilations"]))
        value = [int(rng.integers(-3, 5)) for _ in range(int(rng.integers(1, 5)))] if rng.random() < 0.5 else number
        node.attribute.append(helper.make_attribute(name, value))
        return
    one = _pick(rng, node.attribute)
    whole = isinstance(number, int) and abs(number) < 1 << 63
    match int(rng.integers(4)):
        case 0:
            node.attribute.remove(one)
        case 1 if one.type == AttributeProto.INTS and len(one.ints):
            one.ints[int(rng.integers(len(one.ints)))] = number if whole else int(rng.integers(-3, 9))
        case 2 if one.type == AttributeProto.INTS:
            if one.ints and rng.random() < 0.5:
                del one.ints[-1]
            else:
                one.ints.append(int(rng.integers(-2, 4)))
        case _:
            new = helper.make_attribute(
                one.name, _pick(rng, [number, "SAME_UPPER", [1, 2], [0.5], int(rng.integers(9))])
            )
            one.CopyFrom(new)


def _wire(rng: np.random.Generator, model: Any) -> None:
    """A node that reads, gives or is something else; nodes left out, twice, or in another place."""
    nodes = model.graph.node
    names = [name for node in nodes for name in (*node.input, *node.output)]
    node = _pick(rng, nodes)
    match int(rng.integers(7)):
        case 0 | 1 if node.input:
            node.input[int(rng.integers(len(node.input)))] = _pick(rng, names)
        case 2:
            node.input.append(_pick(rng, names))
        case 3 if node.input:
            del node.input[-1]
        case 4:
            node.op_type = str(_pick(rng, KINDS))
        case 5:
            nodes.remove(node)
        case _:
            other = _pick(rng, nodes)
            swapped, kept = type(node)(), type(node)()
            swapped.CopyFrom(node)
            kept.CopyFrom(other)
            node.CopyFrom(kept)
            other.CopyFrom(swapped)


def _constant(rng: np.random.Generator, model: Any) -> None:
    """A constant of another shape, type or value."""
    tensor = _pick(rng, model.graph.initializer)
    try:
        array = numpy_helper.to_array(tensor).copy()
    except ValueError:  # damaged before
        return
    match int(rng.integers(6)):
        case 0:
            tensor.dims[:] = [int(rng.integers(0, 5)) for _ in range(int(rng.integers(0, 5)))]
            return
        case 1:
            array = array.reshape(-1)
        case 2:
            array = np.resize(array, tuple(int(side) for side in rng.integers(1, 5, int(rng.integers(1, 5)))))
        case 3 if array.size:
            with np.errstate(all="ignore"):
                array.reshape(-1)[int(rng.integers(array.size))] = np.asarray(_pick(rng, NUMBERS)).astype(array.dtype)
        case 4:
            array = array.astype(_pick(rng, [np.int64, np.int8, np.float64, np.float16, np.bool_, np.complex64]))
        case _:
            array = array * np.asarray(_pick(rng, [-1, 0, 2, 3]), dtype=array.dtype)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _shape(rng: np.random.Generator, model: Any) -> None:
    """An image of another shape."""
    sides = model.graph.input[0].type.tensor_type.shape.dim
    side = _pick(rng, sides)
    side.dim_value = int(_pick(rng, [0, 1, 2, 3, 5, 4096, 1 << 30, 1 << 50]))
    if rng.random() < 0.2:
        sides.add().dim_value = 1


def _mild(rng: np.random.Generator, model: Any) -> None:
    """A number or an attribute that could have been so."""
    if rng.random() < 0.5:
        tensor = _pick(rng, model.graph.initializer)
        array = numpy_helper.to_array(tensor).copy()
        if array.dtype == np.float32 and array.size:
            if rng.random() < 0.5:
                array = array * np.float32(_pick(rng, [-1, 2, 0.5]))
            else:
                array.reshape(-1)[int(rng.integers(array.size))] = _pick(rng, [-2.0, -1.0, 0.0, 0.25, 1.0, 1.5, 3.0])
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        return
    choices = {
        "narrow": [0, 1], "signed": [0, 1], "rounding_mode": ["ROUND", "FLOOR", "UP"], "strides": [[1, 1], [2, 1]],
        "axis": [0, 1, -1], "out_scale": [0.5, 1.0, 4.0], "out_bias": [-1.0, 0.0, 0.5], "transB": [0, 1],
        "pads": [[0, 0, 0, 0], [1, 0, 0, 0]], "keepdims": [0, 1],
    }  # fmt: skip
    one = _pick(rng, [one for node in model.graph.node for one in node.attribute if one.name in choices])
    one.CopyFrom(helper.make_attribute(one.name, _pick(rng, choices[one.name])))


def damaged(seed: int, model: Any) -> bytes:
    """A file of a model with one to three damages."""
    rng = np.random.default_rng([seed, 13])
    changes: tuple[Callable[[np.random.Generator, Any], None], ...] = (_attribute, _wire, _constant, _shape)
    if rng.random() < 0.2:
        return _bytes(rng, model.SerializeToString())
    if rng.random() < 0.5:
        _mild(rng, model)
        return bytes(model.SerializeToString())
    for _ in range(int(rng.integers(1, 4))):
        changes[int(rng.choice(len(changes), p=[0.3, 0.35, 0.3, 0.05]))](rng, model)
    return bytes(model.SerializeToString())
