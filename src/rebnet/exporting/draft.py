"""A graph of ONNX that grows: its nodes, its constants and the shape of every tensor, without the package `onnx`.

A map is a tensor of [N, channels, height, width] and a vector one of [N, values]; both hold float32 unless they say
otherwise. All numbers in them are whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.ir.values import Shape

MOST_EXACT = 1 << 24
"""Whole numbers up to this size are all float32 numbers."""
MOST_BYTES = (1 << 31) - (1 << 20)
"""Of a file's constants: protobuf holds 2 GiB, and what names the nodes takes some."""
QONNX = "qonnx.custom_op.general"
"""Domain of QONNX' own operations."""
_OWN = ("BipolarQuant", "Quant", "MultiThreshold")


@dataclass(frozen=True)
class Tensor:
    """A tensor of the network: a map, or a vector where it is `flat`.

    Attributes:
        name: in the graph.
        shape: of the map.
        flat: whether it stands as a vector, [N, values].
        element: its type of element by ONNX' name.
    """

    name: str
    shape: Shape
    flat: bool
    element: str = "FLOAT"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes behind the batch."""
        height, width, channels = self.shape
        return (self.shape.elements,) if self.flat else (channels, height, width)


@dataclass(frozen=True)
class DraftNode:
    """A node: kind, the tensors that it reads, the one that it gives, attributes."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]

    @property
    def domain(self) -> str:
        """Of the operation; empty where ONNX has it itself."""
        return QONNX if self.kind in _OWN else ""


@dataclass
class Draft:
    """The graph so far.

    Attributes:
        nodes: in an order in which each reads what stands before it.
        constants: arrays by name.
        sizes: of every tensor that is no constant, None for the batch, and its type of element.
        affines: of a tensor that is factor·x + offset with a factor above 0: x, factor and offset.
    """

    nodes: list[DraftNode] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    sizes: dict[str, tuple[tuple[int | None, ...], str]] = field(default_factory=dict)
    affines: dict[str, tuple[Tensor, float, float]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _shared: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    _maps: dict[tuple[str, bool], Tensor] = field(default_factory=dict)
    _bytes: int = 0

    def image(self, shape: Shape) -> Tensor:
        """The graph's input, a map."""
        image = Tensor(self._free("image"), shape, flat=False)
        self.sizes[image.name] = ((None, *image.sizes), image.element)
        return image

    def constant(self, name: str, values: ArrayLike, kind: type = np.float32) -> str:
        """The name of a constant; equal small ones are one.

        Raises:
            ModelError: the constants take more than a file of ONNX holds.
        """
        array: Array = np.ascontiguousarray(values, dtype=kind).reshape(np.shape(values))
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 1 else None
        if key is not None and key in self._shared:
            return self._shared[key]
        self._bytes += array.nbytes
        if self._bytes > MOST_BYTES:
            raise ModelError(
                f"its constants take more than {MOST_BYTES} bytes, and a file of ONNX holds 2 GiB; export a smaller "
                "network"
            )
        name = self._free(name)
        self.constants[name] = array
        if key is not None:
            self._shared[key] = name
        return name

    def number(self, value: float, kind: type = np.float32) -> str:
        """The name of a constant that is one number."""
        return self.constant("number", value, kind)

    def node(
        self,
        kind: str,
        name: str,
        sizes: tuple[int | None, ...],
        *inputs: str,
        element: str = "FLOAT",
        **attributes: Any,
    ) -> str:
        """Add a node; the name of the tensor that it gives."""
        name = self._free(name)
        self.nodes.append(DraftNode(kind, inputs, name, attributes))
        self.sizes[name] = (sizes, element)
        return name

    def put(self, kind: str, made: Tensor, *inputs: str, **attributes: Any) -> Tensor:
        """Add a node that gives a tensor of the network, under a name that is free."""
        name = self.node(kind, made.name, (None, *made.sizes), *inputs, element=made.element, **attributes)
        return replace(made, name=name)

    def each(self, kind: str, name: str, tensor: Tensor, *others: str, **attributes: Any) -> Tensor:
        """Add a node that works element by element: what it gives has the shape of what it reads."""
        return self.put(kind, replace(tensor, name=name), tensor.name, *others, **attributes)

    def rows(self, name: str, tensor: Tensor, numbers: ArrayLike) -> str:
        """A constant with a number for each channel of a tensor, or one for all."""
        values = np.asarray(numbers, dtype=np.float64)
        if values.size == 1 or (values == values.flat[0]).all():
            values = values.reshape(-1)[:1].reshape(())
        else:
            values = values.reshape((1, -1) if tensor.flat else (1, -1, 1, 1))
        return self.constant(name, values, np.float64 if tensor.element == "DOUBLE" else np.float32)

    def times(self, name: str, tensor: Tensor, factor: float) -> Tensor:
        """factor·x; x itself where that is the same."""
        return tensor if factor == 1 else self.each("Mul", name, tensor, self.number(factor))

    def affine(self, name: str, tensor: Tensor, factor: float, offset: float) -> Tensor:
        """factor·x + offset; what changes nothing is left out."""
        if (factor, offset) == (1, 0):
            return tensor
        made = self.times(f"{name}_scaled" if offset else name, tensor, factor)
        made = self.each("Add", name, made, self.number(offset)) if offset else made
        if factor > 0:
            self.affines[made.name] = (tensor, factor, offset)
        return made

    def keep(self, answer: Tensor) -> None:
        """Leave out what the answer does not need."""
        needed, kept = {answer.name, next(iter(self.sizes))}, []
        for node in reversed(self.nodes):
            if node.output in needed:
                needed.update(node.inputs)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: array for name, array in self.constants.items() if name in needed}
        self.sizes = {name: size for name, size in self.sizes.items() if name in needed}

    def by_channel(self, kind: str, name: str, tensor: Tensor, numbers: ArrayLike) -> Tensor:
        """Add or Mul with a number for each channel: of a map a BatchNormalization, whose other numbers are 1 and 0.

        It computes the same. hls4ml turns maps to channels last, and there knows a channel's number from nothing else.
        """
        values = np.asarray(numbers, dtype=np.float32).reshape(-1)
        if tensor.flat or (values == values[0]).all():
            return self.each(kind, name, tensor, self.rows(f"{name}_by", tensor, values))
        own = self.constant(f"{name}_by", values)
        one, zero = self.constant("ones", np.ones_like(values)), self.constant("zeros", np.zeros_like(values))
        scale, bias = (own, zero) if kind == "Mul" else (one, own)
        return self.each("BatchNormalization", name, tensor, scale, bias, zero, one, epsilon=0.0)

    def cast(self, name: str, tensor: Tensor, element: str) -> Tensor:
        """The tensor in another type of element."""
        return self.put("Cast", replace(tensor, name=name, element=element), tensor.name, to=element)

    def apart(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The tensors, none of them twice: where qonnx gives a tensor another name, it does so once in a node."""
        found: list[Tensor] = []
        for tensor in tensors:
            again = any(tensor.name == one.name for one in found)
            found.append(self.each("Identity", f"{tensor.name}_again", tensor) if again else tensor)
        return found

    def as_map(self, tensor: Tensor) -> Tensor:
        """The tensor as a map; a vector is one of one place."""
        if not tensor.flat:
            return tensor
        if (tensor.name, False) not in self._maps:
            axes = self.constant("axes", [2, 3], np.int64)
            made = replace(tensor, name=f"{tensor.name}_map", flat=False)
            self._maps[tensor.name, False] = self.put("Unsqueeze", made, tensor.name, axes)
        return self._maps[tensor.name, False]

    def as_vector(self, tensor: Tensor) -> Tensor:
        """The tensor as a vector, which a map gives channel by channel."""
        if tensor.flat:
            return tensor
        if (tensor.name, True) not in self._maps:
            made = replace(tensor, name=f"{tensor.name}_flat", flat=True)
            self._maps[tensor.name, True] = self.put("Flatten", made, tensor.name, axis=1)
        return self._maps[tensor.name, True]

    def alike(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The tensors, all of them maps or all vectors, none of them twice."""
        flat = all(tensor.flat for tensor in tensors)
        return self.apart(tensors if flat else [self.as_map(tensor) for tensor in tensors])

    def _free(self, name: str) -> str:
        numbered = (f"{name}_{number}" for number in count(2))
        free = next(one for one in chain([name], numbered) if one not in self._names)
        self._names.add(free)
        return free
