"""What the nodes of a foreign graph give that depend on no image: computed in numpy, as the executor does."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.graph import MOST_BYTES, OnnxNode
from rebnet.importing.quantizers import rounded


def computed(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    """What a node gives.

    Raises:
        ModelError: its kind is not computed, or its numbers do not fit it.
    """
    rule = RULES.get(node.kind)
    if rule is None:
        raise ModelError(f"{node}: reads constants only, and is not computed; known are {', '.join(sorted(RULES))}")
    try:
        if _bytes_of(node, inputs) > MOST_BYTES:
            raise MemoryError(f"more than {MOST_BYTES} bytes")
        with np.errstate(all="ignore"):  # what is not finite is refused where it is read
            made = np.asarray(rule(node, *inputs))
    except (ValueError, TypeError, IndexError, ArithmeticError, KeyError, MemoryError) as error:
        raise ModelError(f"{node}: its constants do not fit it ({error})") from None
    if made.nbytes > MOST_BYTES:
        raise ModelError(f"{node}: gives {made.nbytes} bytes; {MOST_BYTES} are the most")
    return made


def _bytes_of(node: OnnxNode, inputs: Sequence[Array]) -> int:
    """Bytes that a node gives at most, before it does."""
    if node.kind == "Gather":
        x, places = inputs
        return int(8 * places.size * x.size // max(1, x.shape[int(node.attributes.get("axis", 0))]))
    if node.kind in _SPREAD:
        return 8 * int(prod(np.broadcast_shapes(*(one.shape for one in inputs))))
    return sum(one.nbytes for one in inputs)


def axes_of(node: OnnxNode, given: Sequence[Array]) -> tuple[int, ...] | None:
    """The axes of a node, an attribute or its last input."""
    if given:
        return tuple(int(axis) for axis in given[0].ravel())
    axes = node.attributes.get("axes")
    return None if axes is None else tuple(int(axis) for axis in axes)


def reshaped(node: OnnxNode, array: Array, shape: Array) -> Array:
    """Reshape: 0 keeps a size unless allowzero, -1 is what is left."""
    sizes = [int(size) for size in shape.ravel()]
    if not node.attributes.get("allowzero", 0):
        sizes = [array.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    return array.reshape(sizes)


def flattened(node: OnnxNode, array: Array) -> Array:
    """Flatten: a matrix, cut in front of the axis."""
    axis = int(node.attributes.get("axis", 1))
    axis += array.ndim if axis < 0 else 0
    return array.reshape(int(np.prod(array.shape[:axis], dtype=np.int64)), -1)


def unsqueezed(node: OnnxNode, array: Array, *given: Array) -> Array:
    """Unsqueeze."""
    axes = axes_of(node, given)
    return np.expand_dims(array, axes or ())


def squeezed(node: OnnxNode, array: Array, *given: Array) -> Array:
    """Squeeze: all axes of size 1 where none are named."""
    return np.squeeze(array, axes_of(node, given))


def transposed(node: OnnxNode, array: Array) -> Array:
    """Transpose: axes turned around where none are named."""
    perm = node.attributes.get("perm")
    return np.transpose(array, perm)


def spread(node: OnnxNode, array: Array) -> Array:
    """DepthToSpace of 1, channels, height, width: channels to places of a block, in either of ONNX' two orders."""
    block, mode = int(node.attributes.get("blocksize", 0)), node.attributes.get("mode", "DCR")
    count, channels, height, width = array.shape
    if block < 1 or channels % block**2 or mode not in ("DCR", "CRD"):
        raise ValueError(f"blocksize {block}, mode {mode}")
    own = channels // block**2
    if mode == "CRD":
        parts = array.reshape(count, own, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        parts = array.reshape(count, block, block, own, height, width).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape(count, own, height * block, width * block)


SHAPES: dict[str, Callable[..., Array]] = {
    "Reshape": reshaped,
    "Flatten": flattened,
    "Unsqueeze": unsqueezed,
    "Squeeze": squeezed,
    "Transpose": transposed,
    "DepthToSpace": spread,
    "Identity": lambda node, array: array,
    "Dropout": lambda node, array, *ratio: array,
}
"""Nodes that move elements and change none."""


def _bipolar(node: OnnxNode, x: Array, scale: Array) -> Array:
    return np.where(x >= 0, np.float32(1), np.float32(-1)) * scale


def _quant(node: OnnxNode, x: Array, scale: Array, zero: Array, bits: Array) -> Array:
    return (rounded(node, x, scale, zero, bits) - zero) * scale


def _constant(node: OnnxNode) -> Array:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in node.attributes:
            value = node.attributes[key]
            kind = np.float32 if "float" in key else np.int64 if "int" in key else None
            return np.asarray(value, dtype=kind)
    raise ValueError("no value")


def _slice(node: OnnxNode, x: Array, starts: Array, ends: Array, *more: Array) -> Array:
    axes = more[0].ravel() if more else np.arange(starts.size)
    steps = more[1].ravel() if len(more) > 1 else np.ones(starts.size, dtype=np.int64)
    cuts = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts.ravel(), ends.ravel(), steps, strict=True):
        cuts[int(axis)] = slice(int(start), int(end), int(step))
    return x[tuple(cuts)]


CASTS: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
}  # fmt: skip
"""Types by ONNX' numbers."""

_SPREAD = ("Pow", "Mul", "Div", "Add", "Sub", "BipolarQuant", "Quant", "IntQuant")
"""Nodes that spread what they read to one shape."""

RULES: dict[str, Callable[..., Array]] = {
    **SHAPES,
    "Constant": _constant,
    "Shape": lambda node, x: np.asarray(x.shape, dtype=np.int64),
    "Gather": lambda node, x, places: np.take(x, places.astype(np.int64), axis=int(node.attributes.get("axis", 0))),
    "Concat": lambda node, *parts: np.concatenate(parts, axis=int(node.attributes["axis"])),
    "Slice": _slice,
    "Cast": lambda node, x: x.astype(CASTS[int(node.attributes["to"])]),
    "Pow": lambda node, x, y: np.power(x, y.astype(x.dtype)),
    "Sqrt": lambda node, x: np.sqrt(x),
    "Reciprocal": lambda node, x: np.float32(1) / x,
    "Neg": lambda node, x: -x,
    "Abs": lambda node, x: np.abs(x),
    "Mul": lambda node, x, y: x * y,
    "Div": lambda node, x, y: x // y if x.dtype.kind == "i" else x / y,
    "Add": lambda node, x, y: x + y,
    "Sub": lambda node, x, y: x - y,
    "BipolarQuant": _bipolar,
    "Quant": _quant,
    "IntQuant": _quant,
}
"""Nodes that are computed where all that they read is constant."""
