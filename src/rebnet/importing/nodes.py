"""A rule for every kind of node that reads the image or what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, isqrt

import numpy as np

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.constants import SHAPES
from rebnet.importing.graph import OnnxNode
from rebnet.importing.quantizers import code_table, quantizer
from rebnet.importing.values import Boundaries, Codes, Draft, Layer, Order, Pixels, Quantizer, Sums, Tensor, map_order
from rebnet.importing.weights import planes_of
from rebnet.ir.network import PIXELS
from rebnet.ir.ops import MaxPool
from rebnet.ir.values import Shape
from rebnet.spec.groups import group_fault
from rebnet.spec.window import Window

_DROPPED = ("Softmax", "LogSoftmax", "Sigmoid", "TopK", "ArgMax")


@dataclass
class Rules:
    """The rules, and the draft that they write."""

    draft: Draft
    bare: bool = False
    layers: int = 0

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
        if node.kind in SHAPES:
            return self._moved(node, tensor, given), "the same numbers"
        if node.kind in _DROPPED:
            return tensor, "left out: the largest score stays the largest"
        step = quantizer(node, given) if place == 0 else None
        if step is not None:
            return self._quantized(node, tensor, step, given)
        rule: Callable[..., tuple[Tensor, str]] | None = {
            "MatMul": self._matmul, "Gemm": self._gemm, "Conv": self._conv, "MaxPool": self._max_pool,
            "BatchNormalization": self._batchnorm, "Mul": self._affine, "Div": self._affine, "Add": self._affine,
            "Sub": self._affine, "Relu": self._relu,
        }.get(node.kind)  # fmt: skip
        if rule is None:
            raise ModelError(f"{node}: is not read; see docs/guides/bring-your-network.md for what is")
        return rule(node, tensor, place, given)

    def _moved(self, node: OnnxNode, tensor: Tensor, given: Sequence[Array]) -> Tensor:
        try:
            order = np.asarray(SHAPES[node.kind](node, tensor.order, *given))
        except (ValueError, IndexError, TypeError) as error:
            raise ModelError(f"{node}: does not fit the shape {tensor.order.shape} ({error})") from None
        return replace(tensor, order=order)

    def _quantized(self, node: OnnxNode, tensor: Tensor, step: Quantizer, given: Sequence[Array]) -> tuple[Tensor, str]:
        if isinstance(tensor, Pixels):
            return self._input(node, tensor, step, given)
        if isinstance(tensor, Codes):
            return self._again(node, tensor, step)
        rows = tensor.shape.channels
        if len(step.ends) not in (1, rows):
            raise ModelError(f"{node}: has thresholds of {len(step.ends)} channels; its input has {rows}")
        tensor = _rising(tensor)
        slopes = zip(tensor.a, tensor.b, strict=True)
        firsts = [
            _firsts(a, b, step.ends_of(row), step.strict, tensor.layer.reach) for row, (a, b) in enumerate(slopes)
        ]
        name = f"{tensor.layer.name}_codes"
        self.draft.nodes.append((name, Boundaries(step.bits, tuple(firsts), tensor.layer), (tensor.name,)))
        codes = Codes(name, step.bits, step.step, step.least, tensor.order, tensor.shape, (tensor, step))
        return codes, f"codes of {step.bits} bits"

    def _input(self, node: OnnxNode, tensor: Pixels, step: Quantizer, given: Sequence[Array]) -> tuple[Tensor, str]:
        if len(step.ends) != 1:
            raise ModelError(f"{node}: has thresholds of each channel of the image; use one set for all")
        codes = code_table(node, step, tensor.table, given)
        bits, top = step.bits, np.arange(256)
        self.draft.bits = bits
        if (codes == top >> (8 - bits)).all():
            words = f"the top {bits} bits of a byte" if bits < 8 else "the byte"
        else:
            self.draft.table, words = tuple(codes.tolist()), f"a table from bytes to {bits} bits"
        return Codes(PIXELS, bits, step.step, step.least, tensor.order, tensor.shape), f"the image: {words}"

    def _again(self, node: OnnxNode, tensor: Codes, step: Quantizer) -> tuple[Tensor, str]:
        values = [tensor.least + tensor.step * code for code in range(1 << tensor.bits)]
        found = [step.value(value) for value in values] if len(step.ends) == 1 else []
        if found != values:
            raise ModelError(f"{node}: quantizes codes of {tensor.bits} bits once more, to other values; leave it out")
        return tensor, "the same codes"

    def _layer(self, node: OnnxNode, tensor: Tensor, weights: Array, window: Window | None, groups: int = 1) -> Sums:
        """A layer of `weights`, shape (rows, places of a window), in our order."""
        if isinstance(tensor, Pixels):
            tensor = self._bare(node, tensor)
        if isinstance(tensor, Sums):
            raise ModelError(f"{node}: reads sums that nothing quantizes; a layer reads codes of 1 to 8 bits")
        made = planes_of(str(node), weights)
        rows, columns = weights.shape
        fault = group_fault(tensor.shape.channels if groups > 1 else 1, rows, groups, len(made.gains))
        if fault is not None:
            raise ModelError(f"{node}: {fault}")
        self.layers += 1
        name = f"layer_{self.layers}"
        reach = columns * sum(made.gains) * ((1 << tensor.bits) - 1)
        layer = Layer(name, made.bits, made.gains, window, groups, reach)
        self.draft.nodes.append((name, layer, (tensor.name,)))
        shape = Shape(1, 1, rows) if window is None else tensor.shape.windowed(window, rows)
        order = np.arange(rows, dtype=np.int64).reshape(1, -1) if window is None else map_order(shape)
        totals = zip(made.scales, made.values.sum(axis=1), strict=True)
        return Sums(
            name, layer,
            tuple(scale * tensor.scale for scale in made.scales),
            tuple(scale * tensor.offset * int(total) for scale, total in totals),
            order, shape,
        )  # fmt: skip

    def _bare(self, node: OnnxNode, tensor: Pixels) -> Codes:
        """Bytes that nothing quantizes, as codes of 8 bits, where a byte is worth as much as any other."""
        least, most = (Fraction(float(tensor.table[byte])) for byte in (0, 255))
        even = np.allclose(np.diff(tensor.table), float(most - least) / 255, rtol=1e-3, atol=0)
        if not self.bare or not even or most <= least:
            raise ModelError(
                f"{node}: reads the image before anything quantizes it; say with --input-scale what a byte is worth"
            )
        return Codes(PIXELS, 8, (most - least) / 255, least, tensor.order, tensor.shape)

    def _matmul(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        weights = np.asarray(given[0])
        order = tensor.order
        if weights.ndim != 2 or place != 0 or order.shape != (1, weights.shape[0]):
            raise ModelError(
                f"{node}: multiplies the shape {order.shape} by {weights.shape}; a vector by a constant matrix is read"
            )
        if order.size != tensor.shape.elements:
            raise ModelError(f"{node}: reads {order.size} of {tensor.shape.elements} values; all of them are needed")
        ordered = np.empty_like(weights.T)
        ordered[:, order[0]] = weights.T
        sums = self._layer(node, tensor, ordered, None)
        return sums, f"{sums.name}, dense, {weights.shape[0]} to {weights.shape[1]}"

    def _gemm(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        get = node.attributes.get
        if place != 0 or get("transA", 0) or get("alpha", 1.0) != 1.0 or get("beta", 1.0) != 1.0:
            raise ModelError(f"{node}: transA={get('transA', 0)}, alpha={get('alpha', 1.0)}: 0 and 1 are read")
        weights = np.asarray(given[0])
        sums, words = self._matmul(node, tensor, 0, [weights.T if get("transB", 0) else weights])
        return (sums, words) if len(given) == 1 else (self._with(node, sums, "Add", given[1]), words)

    def _conv(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        weights = np.asarray(given[0])
        if place != 0 or weights.ndim != 4:
            raise ModelError(f"{node}: has weights of the shape {weights.shape}; a convolution of two axes is read")
        groups = int(node.attributes.get("group", 1))
        window = _window(node, tensor, weights.shape[2:])
        if groups < 1 or weights.shape[1] * groups != tensor.shape.channels:
            raise ModelError(
                f"{node}: its weights have {weights.shape[1]} channels in {groups} groups, its input "
                f"{tensor.shape.channels}"
            )
        if window.padded and isinstance(tensor, Codes) and tensor.least != 0:
            raise ModelError(
                f"{node}: pads with 0, which is not the lowest value of its codes, {float(tensor.least):g}; pad with "
                "that one (ONNX' Pad), or let activations begin at 0 (ReLU)"
            )
        rows = np.moveaxis(weights, 1, 3).reshape(len(weights), -1)
        sums: Tensor = self._layer(node, tensor, rows, window, groups)
        if len(given) > 1:
            bias = np.asarray(given[1]).reshape(1, -1, 1, 1)
            sums = self._with(node, sums, "Add", bias)
        return sums, f"{self.draft.nodes[-1][0]}, convolution {window} of {len(weights)} channels"

    def _max_pool(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        if node.attributes.get("ceil_mode", 0):
            raise ModelError(f"{node}: ceil_mode=1; windows that lie in the map are read")
        window = _window(node, tensor, node.attributes.get("kernel_shape", ()))
        if isinstance(tensor, Pixels):
            raise ModelError(f"{node}: pools the image before anything quantizes it; pool behind that")
        name = f"{tensor.name}_pool"
        if isinstance(tensor, Sums):
            tensor = _rising(tensor)
        shape = tensor.shape.windowed(window)
        self.draft.nodes.append((name, MaxPool(window), (tensor.name,)))
        return replace(tensor, name=name, shape=shape, order=map_order(shape)), f"max-pool {window}"

    def _batchnorm(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
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
        if not isinstance(tensor, Sums):
            raise ModelError(f"{node}: normalizes what is no sum of a layer; it is read behind a layer with weights")
        weights, biases, means, variances = (
            self._of_rows(node, tensor, one.reshape(shape)) for one in (weight, bias, mean, variance)
        )
        roots = [_root(number + Fraction(epsilon)) for number in variances]
        gains = [one / root for one, root in zip(weights, roots, strict=True)]
        a = tuple(slope * gain for slope, gain in zip(tensor.a, gains, strict=True))
        b = tuple((old - m) * g + new for old, m, g, new in zip(tensor.b, means, gains, biases, strict=True))
        return replace(tensor, a=a, b=b), "joins the codes or scores behind it"

    def _affine(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        if len(given) != 1:
            raise ModelError(f"{node}: reads two values of the network; sums of branches are not read yet")
        if place == 1 and node.kind == "Div":
            raise ModelError(f"{node}: divides by what depends on the image")
        if place == 1 and node.kind == "Sub":
            negative = self._with(node, tensor, "Mul", np.asarray(-1, dtype=np.float32))
            return self._with(node, negative, "Add", given[0]), "joins the codes or scores behind it"
        return self._with(node, tensor, node.kind, given[0]), (
            "bytes are scaled" if isinstance(tensor, Pixels) else "joins the codes or scores behind it"
        )

    def _with(self, node: OnnxNode, tensor: Tensor, kind: str, constant: Array) -> Tensor:
        """The tensor behind an elementwise operation with a constant."""
        constant = np.asarray(constant)
        if not np.isfinite(constant).all():
            raise ModelError(f"{node}: its constant is not finite")
        if kind == "Div" and (constant == 0).any():
            raise ModelError(f"{node}: divides by 0")
        if isinstance(tensor, Sums):
            numbers = self._of_rows(node, tensor, constant)
            if kind in ("Mul", "Div"):
                factors = numbers if kind == "Mul" else [1 / number for number in numbers]
                a, b = (tuple(x * f for x, f in zip(one, factors, strict=True)) for one in (tensor.a, tensor.b))
                return replace(tensor, a=a, b=b)
            sign = 1 if kind == "Add" else -1
            return replace(tensor, b=tuple(b + sign * n for b, n in zip(tensor.b, numbers, strict=True)))
        if constant.size != 1:
            raise ModelError(f"{node}: has {constant.size} constants for the image or its codes; one for all is read")
        number = np.float32(constant.reshape(-1)[0])
        if isinstance(tensor, Pixels):
            do = {"Mul": np.multiply, "Div": np.divide, "Add": np.add, "Sub": np.subtract}[kind]
            return replace(tensor, table=do(tensor.table, number))
        exact = Fraction(float(number))
        if kind in ("Mul", "Div"):
            factor = exact if kind == "Mul" else 1 / exact
            if factor <= 0:
                raise ModelError(f"{node}: multiplies codes by {float(factor):g}; it must be above 0")
            return replace(tensor, step=tensor.step * factor, least=tensor.least * factor, before=None)
        return replace(tensor, least=tensor.least + (exact if kind == "Add" else -exact), before=None)

    def _relu(self, node: OnnxNode, tensor: Tensor, place: int, given: Sequence[Array]) -> tuple[Tensor, str]:
        if isinstance(tensor, Codes) and tensor.least >= 0:
            return tensor, "the same codes"
        raise ModelError(f"{node}: stands in front of no quantizer that begins at 0; quantize without a sign behind it")

    def _of_rows(self, node: OnnxNode, tensor: Sums, constant: Array) -> list[Fraction]:
        """The number of each row of a layer in a constant that is spread over its tensor."""
        try:
            spread = np.broadcast_to(constant, tensor.order.shape).ravel()
        except ValueError:
            raise ModelError(
                f"{node}: its constant of shape {constant.shape} does not fit {tensor.order.shape}"
            ) from None
        rows = tensor.channels.ravel()
        numbers = np.zeros(tensor.shape.channels, dtype=np.float64)
        numbers[rows] = spread
        if not np.array_equal(numbers[rows], spread.astype(np.float64)):
            raise ModelError(f"{node}: its constant differs inside a channel; one number a channel is read")
        return [Fraction(float(number)) for number in numbers]


def _rising(sums: Sums) -> Sums:
    """The same sums with no slope below 0: rows that fall are negated."""
    for row, slope in enumerate(sums.a):
        if slope < 0:
            sums.layer.flip(row)
    return replace(sums, a=tuple(map(abs, sums.a)))


def _root(number: Fraction) -> Fraction:
    """A square root to 128 bits."""
    shift = 256
    return Fraction(isqrt((number.numerator << shift) // number.denominator), 1 << (shift // 2))


def _firsts(a: Fraction, b: Fraction, ends: Sequence[Fraction], strict: Sequence[bool], reach: int) -> tuple[int, ...]:
    """For each end the least whole v with a·v + b at it, or beyond it where it is strict; a ≥ 0."""
    found = []
    for end, beyond in zip(ends, strict, strict=True):
        if a == 0:
            first = -reach if (b > end if beyond else b >= end) else reach + 1
        else:
            bound = (end - b) / a
            first = floor(bound) + 1 if beyond else ceil(bound)
        found.append(min(max(first, -reach), reach + 1))
    return tuple(found)


def _window(node: OnnxNode, tensor: Tensor, kernel: Sequence[int]) -> Window:
    """The window of a convolution or a pool over a map that stands as it should."""
    get = node.attributes.get
    if len(kernel) != 2 or not np.array_equal(tensor.order, map_order(tensor.shape)):
        raise ModelError(f"{node}: reads the shape {tensor.order.shape}; maps of 1, channels, height, width are read")
    if tuple(get("dilations", (1, 1))) != (1, 1):
        raise ModelError(f"{node}: has dilations {get('dilations')}; 1 is read")
    if str(get("auto_pad", "NOTSET")) not in ("NOTSET", "VALID"):
        raise ModelError(f"{node}: auto_pad={get('auto_pad')}; say the pads in numbers")
    top, left, bottom, right = (int(pad) for pad in get("pads", (0, 0, 0, 0)))
    rows, columns = (int(size) for size in kernel)
    down, across = (int(size) for size in get("strides", (1, 1)))
    sizes = (rows, columns, down, across)
    if min(sizes) < 1 or max(sizes) > 64 or min(top, left, bottom, right) < 0:
        raise ModelError(f"{node}: kernel {rows}x{columns}, strides {down}x{across}, pads {top, left, bottom, right}")
    window = Window((rows, columns), (down, across), pads=((top, bottom), (left, right)))
    if not window.fits(tensor.shape.height, tensor.shape.width):
        raise ModelError(f"{node}: a window {window} does not fit a map of {tensor.shape}")
    return window


def image_order(shape: tuple[int, ...], images: Shape) -> Order:
    """The order of the image, which stands as the graph's input says: 1, channels, height, width, or a row."""
    return map_order(images) if len(shape) == 4 else np.arange(images.elements, dtype=np.int64).reshape(shape)
