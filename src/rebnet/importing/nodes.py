"""A rule for every kind of node that reads the image or what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt

import numpy as np

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.branches import added, as_sums, averaged, joined, tied, unfolded
from rebnet.importing.constants import CASTS, SHAPES
from rebnet.importing.draft import Draft
from rebnet.importing.ends import ENDS, ended, not_ended, with_pads
from rebnet.importing.graph import OnnxNode
from rebnet.importing.layers import check_pads, conv, gemm, matmul, padded, window_of, xnor
from rebnet.importing.quantizers import MOST_BITS, code_table, quantizer
from rebnet.importing.steps import firsts_of, reached, rising
from rebnet.importing.values import (
    Codes,
    Means,
    Order,
    Padded,
    Part,
    Pixels,
    Quantizer,
    Sums,
    Tensor,
    Value,
    map_order,
)
from rebnet.ir.network import PIXELS
from rebnet.ir.ops import MaxPool
from rebnet.ir.values import Shape

_ON_MAPS = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Pad"})
"""Kinds that read maps as they stand."""
_JOINS = "joins the codes or scores behind it"


@dataclass
class Rules:
    """The rules, and the draft that they write."""

    draft: Draft
    bare: bool = False

    def __call__(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        """What a node gives, and in words what it was taken for.

        Args:
            node: the node.
            tensor: its input that is not constant.
            place: of that input.
            given: the other inputs.

        Raises:
            ModelError: it is not read, with these values.
        """
        if isinstance(tensor, Codes) and node.kind in _ON_MAPS:
            tensor = unfolded(self.draft, node, tensor)
        if isinstance(tensor, Padded):
            node, tensor = with_pads(node, tensor)
        elif isinstance(tensor, Codes) and node.kind == "Conv":
            check_pads(node, tensor)
        if node.kind in SHAPES:
            return self._moved(node, tensor, given), "the same numbers"
        if node.kind in ENDS:
            return ended(node, tensor, given), "left out: the largest score stays the largest"
        return self._read(node, not_ended(node, tensor), place, given)

    def _read(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        """What a node gives that neither moves numbers nor ends a network."""
        if node.kind == "Cast":
            return _cast(node, tensor), "the same numbers"
        if node.kind == "Pad" and isinstance(tensor, Codes):
            return padded(node, tensor, given), "pads of the layer behind it"
        step = quantizer(node, given) if place == 0 else None
        if step is not None:
            return self._quantized(node, tensor, step, given)
        rule: Callable[..., tuple[Tensor, str]] | None = {
            "MaxPool": self._max_pool, "AveragePool": self._average_pool, "GlobalAveragePool": self._average_pool,
            "ReduceMean": self._reduce_mean, "BatchNormalization": self._batchnorm, "Mul": self._affine,
            "Div": self._affine, "Add": self._affine, "Sub": self._affine, "Relu": self._relu,
        }.get(node.kind)  # fmt: skip
        if rule is not None:
            return rule(node, tensor, place, given)
        return self._layer(node, tensor, place, given)

    def _layer(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        """A layer with weights, and its bias."""
        layer = {"MatMul": matmul, "Gemm": gemm, "Conv": conv, "XnorPopcountMatMul": xnor}.get(node.kind)
        if layer is None:
            raise ModelError(f"{node}: is not read; see docs/guides/bring-your-network.md for what is")
        if isinstance(tensor, Pixels):
            tensor = self._bare(node, tensor)
        sums, words = layer(self.draft, node, tensor, place, given)
        if len(given) == 1:
            return sums, words
        bias = given[1]
        if node.kind == "Conv":
            if bias.size != sums.shape.channels:
                raise ModelError(f"{node}: has a bias of {bias.size} numbers; its outputs are {sums.shape.channels}")
            bias = bias.reshape(1, -1, 1, 1)
        return self._with(node, sums, "Add", bias), words

    def meet(self, node: OnnxNode, tensors: Sequence[Tensor], given: Sequence[Array]) -> tuple[Tensor, str]:
        """What a node gives whose inputs all come of the image, and in words what it was taken for.

        Raises:
            ModelError: it is not read, with these values.
        """
        values = [not_ended(node, tensor) for tensor in tensors]
        if given:
            raise ModelError(f"{node}: reads {len(values)} values of the network and constants; read constants apart")
        values = [unfolded(self.draft, node, one) if isinstance(one, Codes) else one for one in values]
        if node.kind == "Concat":
            return joined(self.draft, node, values)
        if node.kind not in ("Add", "Sub", "Sum"):
            raise ModelError(f"{node}: reads {len(tensors)} values of the network; Add, Sub, Sum and Concat may")
        return added(self.draft, node, values, -1 if node.kind == "Sub" else 1)

    def _moved(self, node: OnnxNode, tensor: Tensor, given: Sequence[Array]) -> Tensor:
        try:
            order = np.asarray(SHAPES[node.kind](node, tensor.order, *given))
        except (ValueError, IndexError, TypeError) as error:
            raise ModelError(f"{node}: does not fit the shape {tensor.order.shape} ({error})") from None
        return replace(tensor, order=order)

    def _quantized(self, node: OnnxNode, tensor: Value, step: Quantizer, given: Sequence[Array]) -> tuple[Value, str]:
        for constant in given if node.kind != "MultiThreshold" else ():
            _spread(node, tensor, constant)
        if isinstance(tensor, Pixels):
            return self._input(node, tensor, step, given)
        if isinstance(tensor, Codes) and _same_codes(tensor, step):
            return tensor, "the same codes"
        sums = as_sums(self.draft, node, tensor)
        rows = sums.shape.channels
        if len(step.ends) not in (1, rows):
            raise ModelError(f"{node}: has thresholds of {len(step.ends)} channels; its input has {rows}")
        sums = rising(node, sums)
        slopes = zip(sums.a, sums.b, sums.of.low, sums.of.high, strict=True)
        firsts = [
            firsts_of(a, b, step.ends_of(row), step.strict, (low, high), sums.relu is not None)
            for row, (a, b, low, high) in enumerate(slopes)
        ]
        least, bits, kept = reached(step, firsts, sums)
        part = Part(self.draft.coded(sums, bits, kept), bits, step.step)
        before = (sums, step) if sums.relu is None else None
        codes = Codes((part,), (least,) * rows, sums.order, sums.shape, before)
        return codes, f"codes of {bits} bits" + f", of {step.bits} not all reached" * (bits < step.bits)

    def _input(self, node: OnnxNode, tensor: Pixels, step: Quantizer, given: Sequence[Array]) -> tuple[Value, str]:
        if len(step.ends) != 1:
            raise ModelError(f"{node}: has thresholds of each channel of the image; use one set for all")
        codes = code_table(node, step, tensor.table, given)
        bits, top = step.bits, np.arange(256)
        table = None if (codes == top >> (8 - bits)).all() else tuple(codes.tolist())
        if not self.draft.sees(bits, table):
            raise ModelError(f"{node}: quantizes the image once more, to other codes; quantize it once")
        words = "the byte" if bits == 8 else f"the top {bits} bits of a byte"
        words = f"a table from bytes to {bits} bits" if table else words
        part, least = Part(PIXELS, bits, step.step), (step.least,) * tensor.shape.channels
        return Codes((part,), least, tensor.order, tensor.shape), f"the image: {words}"

    def _bare(self, node: OnnxNode, tensor: Pixels) -> Codes:
        """Bytes that nothing quantizes, as codes of 8 bits, where a byte is worth as much as any other."""
        least, most = (Fraction(float(tensor.table[byte])) for byte in (0, 255))
        even = np.allclose(np.diff(tensor.table), float(most - least) / 255, rtol=1e-3, atol=0)
        if not self.bare or not even or most <= least:
            raise ModelError(
                f"{node}: reads the image before anything quantizes it; say with --input-scale what a byte is worth"
            )
        if not self.draft.sees(8, None):
            raise ModelError(f"{node}: reads the image's bytes, which another node quantizes; quantize them once")
        part, leasts = Part(PIXELS, 8, (most - least) / 255), (least,) * tensor.shape.channels
        return Codes((part,), leasts, tensor.order, tensor.shape)

    def _max_pool(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        window = window_of(node, tensor, node.attributes.get("kernel_shape", ()))
        if isinstance(tensor, Pixels):
            raise ModelError(f"{node}: pools the image before anything quantizes it; pool behind that")
        if isinstance(tensor, Codes) and (len(tensor.parts) > 1 or tensor.parts[0].name == PIXELS):
            # which stand side by side, and have no order; only layers read the image
            small = tensor.peak < 1 << MOST_BITS
            tensor = self.draft.merged(tied(self.draft, node, tensor)) if small else tensor
        if not isinstance(tensor, Codes) or len(tensor.parts) > 1:
            tensor = rising(node, as_sums(self.draft, node, tensor))
        source = tensor.name if isinstance(tensor, Sums) else tensor.parts[0].name
        shape = tensor.shape.windowed(window)
        name = self.draft.put(self.draft.free(f"{source}_pool"), MaxPool(window), (source,))
        order = map_order(shape)
        if isinstance(tensor, Sums):
            return replace(tensor, name=name, shape=shape, order=order, pooled=True), f"max-pool {window}"
        self.draft.tie(name, source, Fraction(1))
        part = replace(tensor.parts[0], name=name)
        return replace(tensor, parts=(part,), shape=shape, order=order, before=None), f"max-pool {window}"

    def _average_pool(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        of_all = node.kind == "GlobalAveragePool"
        kernel = tensor.shape[:2] if of_all else node.attributes.get("kernel_shape", ())
        window = window_of(node, tensor, kernel, sides=max(64, *tensor.shape[:2]))
        if window.padded and not node.attributes.get("count_include_pad", 0):
            raise ModelError(f"{node}: leaves pads out of its averages; pad nothing, or count_include_pad=1")
        return averaged(self.draft, node, tensor, window)

    def _reduce_mean(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        axes = given[0].ravel().tolist() if given else node.attributes.get("axes", ())
        if tensor.order.ndim != 4 or sorted(int(axis) % 4 for axis in axes) != [2, 3]:
            raise ModelError(f"{node}: averages the axes {tuple(axes)}; height and width, 2 and 3, are read")
        window = window_of(node, tensor, tensor.shape[:2], sides=max(tensor.shape[:2]))
        made, words = averaged(self.draft, node, tensor, window)
        kept = node.attributes.get("keepdims", 1)
        return (made if kept else replace(made, order=made.order[:, :, 0, 0])), words

    def _batchnorm(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        if len(given) != 4 or place != 0:
            raise ModelError(f"{node}: needs its four constants")
        weight, bias, mean, variance = (np.asarray(one, dtype=np.float64).reshape(-1) for one in given)
        epsilon = float(node.attributes.get("epsilon", 1e-5))
        if not all(np.isfinite(one).all() for one in (weight, bias, mean, variance)) or (variance + epsilon <= 0).any():
            raise ModelError(f"{node}: its constants are not finite, or a variance is not above 0")
        shape = [1] * tensor.order.ndim
        if tensor.order.ndim < 2 or tensor.order.shape[1] != len(weight):
            raise ModelError(f"{node}: has {len(weight)} channels, its input the shape {tensor.order.shape}")
        shape[1] = len(weight)
        tensor = _unbent(node, as_sums(self.draft, node, tensor))
        weights, biases, means, variances = (
            _of_rows(node, tensor, one.reshape(shape)) for one in (weight, bias, mean, variance)
        )
        roots = [_root(number + Fraction(epsilon)) for number in variances]
        gains = [one / root for one, root in zip(weights, roots, strict=True)]
        a = tuple(slope * gain for slope, gain in zip(tensor.a, gains, strict=True))
        b = tuple((old - m) * g + new for old, m, g, new in zip(tensor.b, means, gains, biases, strict=True))
        return replace(tensor, a=a, b=b), _JOINS

    def _affine(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        if len(given) != 1:
            raise ModelError(f"{node}: has {len(given)} constants; one is read")
        if place == 1 and node.kind == "Div":
            raise ModelError(f"{node}: divides by what depends on the image")
        if place == 1 and node.kind == "Sub":
            negative = self._with(node, tensor, "Mul", np.asarray(-1, dtype=np.float32))
            return self._with(node, negative, "Add", given[0]), _JOINS
        return self._with(node, tensor, node.kind, given[0]), (
            "bytes are scaled" if isinstance(tensor, Pixels) else _JOINS
        )

    def _with(self, node: OnnxNode, tensor: Value, kind: str, constant: Array) -> Value:
        """The tensor behind an elementwise operation with a constant."""
        constant = np.asarray(constant)
        if not np.isfinite(constant).all():
            raise ModelError(f"{node}: its constant is not finite")
        if kind == "Div" and (constant == 0).any():
            raise ModelError(f"{node}: divides by 0")
        if isinstance(tensor, Pixels):
            return _of_bytes(node, tensor, kind, constant)
        numbers = _of_rows(node, tensor, constant)
        if kind in ("Mul", "Div"):
            return self._times(node, tensor, numbers if kind == "Mul" else [1 / number for number in numbers])
        return self._plus(node, tensor, numbers if kind == "Add" else [-number for number in numbers])

    def _times(self, node: OnnxNode, tensor: Codes | Means | Sums, factors: list[Fraction]) -> Value:
        """Each channel times a number."""
        factor = factors[0]
        if factor > 0 and factors == [factor] * len(factors):
            if isinstance(tensor, Means):
                return replace(tensor, a=tensor.a * factor, b=tensor.b * factor)
            if isinstance(tensor, Codes):
                parts = tuple(replace(part, step=part.step * factor) for part in tensor.parts)
                return replace(tensor, parts=parts, least=tuple(one * factor for one in tensor.least), before=None)
        sums = as_sums(self.draft, node, tensor)
        sums = sums if min(factors) > 0 else _unbent(node, sums)
        a, b = (tuple(x * f for x, f in zip(one, factors, strict=True)) for one in (sums.a, sums.b))
        return replace(sums, a=a, b=b)

    def _plus(self, node: OnnxNode, tensor: Codes | Means | Sums, terms: list[Fraction]) -> Value:
        """Each channel and a number."""
        if isinstance(tensor, Codes):
            return replace(tensor, least=_each(tensor.least, terms), before=None)
        if isinstance(tensor, Means) and terms == terms[:1] * len(terms):
            return replace(tensor, b=tensor.b + terms[0])
        sums = _unbent(node, as_sums(self.draft, node, tensor))
        return replace(sums, b=_each(sums.b, terms))

    def _relu(self, node: OnnxNode, tensor: Value, place: int, given: Sequence[Array]) -> tuple[Value, str]:
        if isinstance(tensor, Pixels):
            return replace(tensor, table=np.maximum(tensor.table, np.float32(0))), "bytes are scaled"
        if isinstance(tensor, Codes) and min(tensor.least) >= 0:
            return tensor, "the same codes"
        return replace(as_sums(self.draft, node, tensor), relu=node), "joins the codes behind it"


def _spread(node: OnnxNode, tensor: Value, constant: Array) -> Array:
    """A constant at each place of a tensor."""
    try:
        return np.broadcast_to(constant, tensor.order.shape).ravel()
    except ValueError:
        raise ModelError(f"{node}: its constant of shape {constant.shape} does not fit {tensor.order.shape}") from None


def _of_bytes(node: OnnxNode, tensor: Pixels, kind: str, constant: Array) -> Pixels:
    """Bytes behind an elementwise operation with a constant, in the executor's own float32."""
    numbers = np.unique(_spread(node, tensor, constant))
    if len(numbers) != 1:
        raise ModelError(f"{node}: has {len(numbers)} constants for the image; one for all is read")
    do = {"Mul": np.multiply, "Div": np.divide, "Add": np.add, "Sub": np.subtract}[kind]
    return replace(tensor, table=do(tensor.table, np.float32(numbers[0])))


def _of_rows(node: OnnxNode, tensor: Value, constant: Array) -> list[Fraction]:
    """The number of each channel in a constant that is spread over its tensor."""
    spread = _spread(node, tensor, constant)
    rows = (tensor.order % tensor.shape.channels).ravel()
    numbers = np.zeros(tensor.shape.channels, dtype=np.float64)
    numbers[rows] = spread
    if not np.array_equal(numbers[rows], spread.astype(np.float64)):
        raise ModelError(f"{node}: its constant differs inside a channel; one number a channel is read")
    return [Fraction(float(number)) for number in numbers]


def _each(x: Sequence[Fraction], y: Sequence[Fraction]) -> tuple[Fraction, ...]:
    return tuple(one + other for one, other in zip(x, y, strict=True))


def _cast(node: OnnxNode, tensor: Value) -> Value:
    """Numbers as float32, or float64, which holds them; an image's bytes are computed with in float32."""
    kind = CASTS.get(int(node.attributes.get("to", 0)))
    if kind is not np.float32 and (kind is not np.float64 or isinstance(tensor, Pixels)):
        raise ModelError(f"{node}: makes numbers of type {node.attributes.get('to')}; 1 and 11, of floats, are read")
    return tensor


def _same_codes(codes: Codes, step: Quantizer) -> bool:
    """Whether a quantizer leaves codes as they are."""
    if len(codes.parts) > 1 or len(step.ends) > 1:
        return False
    (part,) = codes.parts
    values = [[least + part.step * code for code in range(part.peak + 1)] for least in set(codes.least)]
    return all([step.value(value) for value in each] == each for each in values)


def _unbent(node: OnnxNode, sums: Sums) -> Sums:
    """Sums that no ReLU stands behind."""
    if sums.relu is not None:
        raise ModelError(
            f"{sums.relu}: stands in front of no quantizer, but of {node}; quantize what comes of it, without a sign"
        )
    return sums


def _root(number: Fraction) -> Fraction:
    """A square root to 128 bits."""
    shift = 256
    return Fraction(isqrt((number.numerator << shift) // number.denominator), 1 << (shift // 2))


def image_order(shape: tuple[int, ...], images: Shape) -> Order:
    """The order of the image, which stands as the graph's input says: 1, channels, height, width, or a row."""
    return map_order(images) if len(shape) == 4 else np.arange(images.elements, dtype=np.int64).reshape(shape)
