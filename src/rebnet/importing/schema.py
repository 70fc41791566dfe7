"""What nodes of the kinds that are read may look like: how many tensors they read, and of what type attributes are."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from rebnet.errors import ModelError

_WHOLE = (
    "axis", "group", "transA", "transB", "keepdims", "signed", "narrow", "ceil_mode", "count_include_pad", "largest",
    "sorted", "select_last_index", "allowzero", "training_mode", "noop_with_empty_axes", "storage_order",
    "to", "blocksize",
)  # fmt: skip
_REAL = ("alpha", "beta", "epsilon", "momentum", "out_scale", "out_bias")
_LISTS = ("axes", "perm", "pads", "strides", "dilations", "kernel_shape", "output_shape")
_TEXTS = ("rounding_mode", "data_layout", "auto_pad", "out_dtype", "mode")
_LARGEST = 1 << 31

_READS = {
    "Quant": (4, 4), "IntQuant": (4, 4), "BipolarQuant": (2, 2), "Trunc": (5, 6), "MultiThreshold": (2, 2),
    "Pad": (1, 4), "Sign": (1, 1),
    "MatMul": (2, 2), "XnorPopcountMatMul": (2, 2), "Gemm": (2, 3), "Conv": (2, 3), "BatchNormalization": (5, 5),
    "MaxPool": (1, 1), "AveragePool": (1, 1), "GlobalAveragePool": (1, 1), "ReduceMean": (1, 2), "Relu": (1, 1),
    "Mul": (2, 2), "Div": (2, 2), "Add": (2, 2), "Sub": (2, 2), "Sum": (1, 1000), "Concat": (1, 1000),
    "Reshape": (2, 2), "Flatten": (1, 1), "Unsqueeze": (1, 2), "Squeeze": (1, 2), "Transpose": (1, 1),
    "DepthToSpace": (1, 1),
    "Identity": (1, 1), "Dropout": (1, 3), "Softmax": (1, 1), "LogSoftmax": (1, 1), "Sigmoid": (1, 1),
    "TopK": (1, 2), "ArgMax": (1, 1), "Shape": (1, 1), "Gather": (2, 2), "Slice": (3, 5), "Cast": (1, 1),
    "Constant": (0, 0), "Pow": (2, 2), "Sqrt": (1, 1), "Reciprocal": (1, 1), "Neg": (1, 1), "Abs": (1, 1),
}  # fmt: skip
"""The least and the most tensors that each kind reads."""


def check_node(place: str, kind: str, inputs: int, attributes: Mapping[str, Any]) -> None:
    """Refuse a node that does not look like its kind.

    Args:
        place: the node, for what is said.
        kind: its kind.
        inputs: how many tensors it reads.
        attributes: by name.

    Raises:
        ModelError: it reads too few or too many, or an attribute has another type than it must have.
    """
    least, most = _READS.get(kind, (0, 1000))
    if not least <= inputs <= most:
        raise ModelError(f"{place}: reads {inputs} tensors; {kind} reads {least}{f' to {most}' * (most > least)}")
    for name, value in attributes.items():
        if not _fits(name, value):
            raise ModelError(f"{place}: has {name}={value!r}, which is not what {name} may be")


def _fits(name: str, value: Any) -> bool:
    if name in _WHOLE:
        return _whole(value)
    if name in _REAL:
        return isinstance(value, float) and isfinite(value)
    if name in _LISTS:
        return isinstance(value, list | tuple) and all(map(_whole, value))
    return name not in _TEXTS or isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < _LARGEST
