"""Where branches meet: sums of branches, channels side by side, and averages, all on whole numbers."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from rebnet.errors import ModelError
from rebnet.importing.draft import ONE, Draft, Layer, Made, Rescaled, Whole, concatenated
from rebnet.importing.graph import OnnxNode
from rebnet.importing.quantizers import MOST_BITS
from rebnet.importing.values import Codes, Means, Order, Part, Sums, Value, common, map_order
from rebnet.ir.bounds import shape_fault
from rebnet.ir.features import Add, DepthToSpace, Join, SumPool
from rebnet.ir.network import PIXELS
from rebnet.ir.values import Shape
from rebnet.spec.depth_to_space import depth_to_space
from rebnet.spec.window import Window

_MOST_SCALE = (1 << 15) - 1
_MOST_FRACTION = 15


def as_sums(draft: Draft, node: OnnxNode, tensor: Value) -> Sums:
    """What a node reads, as numbers that may take any slope.

    Raises:
        ModelError: it is the image before anything quantizes it.
    """
    match tensor:
        case Sums():
            return tensor
        case Codes():
            return draft.plain(tied(draft, node, tensor), ONE)
        case Means(codes=codes, window=window, a=a, b=b):
            sums = draft.plain(tied(draft, node, codes), window)
            each = tuple(a * one / window.area for one in sums.a)
            offsets = tuple(a * one / window.area + b for one in sums.b)
            return replace(sums, a=each, b=offsets, order=tensor.order)
    raise ModelError(f"{node}: reads the image before anything quantizes it; quantize it first")


def tied(draft: Draft, node: OnnxNode, codes: Codes) -> Codes:
    """Codes whose parts' units are tied, so that one layer may read them.

    Parts that cannot be tied, as the image, or codes that count otherwise elsewhere, are made once more.
    """
    first, *others = zip(codes.parts, codes.times, strict=True)
    if not others:
        return codes
    if first[0].name == PIXELS:
        first = (draft.merged(replace(codes, parts=(first[0],))).parts[0], first[1])
    parts = [first[0]]
    for part, times in others:
        ratio, new = Fraction(times, first[1]), part
        if not draft.tie(part.name, first[0].name, ratio):
            new = draft.merged(replace(codes, parts=(part,))).parts[0]
            draft.tie(new.name, first[0].name, ratio)
        parts.append(new)
    return replace(codes, parts=tuple(parts))


def unfolded(draft: Draft, node: OnnxNode, codes: Codes) -> Codes:
    """Codes as they stand on their map; where their channels became blocks of places by what moved them, by a node.

    Others, in whatever order, are given back as they are.
    """
    shape, order = codes.shape, codes.order
    block = order.shape[2] // shape.height if order.ndim == 4 else 1
    if block < 2 or shape.channels % block**2:
        return codes
    least, larger = codes.least[:: block**2], shape.spread(block)
    places = np.arange(shape.elements, dtype=np.int64).reshape(shape)
    if not np.array_equal(order, np.moveaxis(depth_to_space(places, block), -1, 0)[None]):
        return codes
    if any(one != least[row // block**2] for row, one in enumerate(codes.least)):
        raise ModelError(f"{node}: reads channels that became one and count differently; quantize them with one scale")
    if len(codes.parts) > 1 or codes.parts[0].name == PIXELS:
        codes = draft.merged(tied(draft, node, codes))
    source = codes.parts[0].name
    name = draft.put(draft.free(f"{source}_blocks"), DepthToSpace(block), (source,))
    draft.tie(name, source, Fraction(1))
    part = replace(codes.parts[0], name=name)
    return Codes((part,), least, map_order(larger), larger)


def added(draft: Draft, node: OnnxNode, tensors: Sequence[Value], sign: int) -> tuple[Value, str]:
    """The sum of branches, or with the sign -1 the first less the others.

    Codes stay codes, side by side in front of the layer that reads them. What else is added is made a feature: each
    layer's sums times a whole number, which is exact where their slopes are multiples of one number, in each channel.

    Raises:
        ModelError: they have several shapes, or slopes that no whole numbers say.
    """
    total = tensors[0]
    for other in tensors[1:]:
        if not _same_places(total, other):
            raise ModelError(
                f"{node}: adds the shapes {total.order.shape} and {other.order.shape}, or the same values in another "
                "order; one shape and order is read"
            )
        if isinstance(total, Codes) and isinstance(other, Codes) and sign == 1:
            total = _codes_added(total, other)
            continue
        x, y = as_sums(draft, node, total), as_sums(draft, node, other)
        if sign < 0:
            y = replace(y, a=tuple(-one for one in y.a), b=tuple(-one for one in y.b))
        total = _sums_added(draft, node, x, y)
    return total, "codes side by side" if isinstance(total, Codes) else "a sum of features"


def _same_places(x: Value, y: Value) -> bool:
    return x.order.shape == y.order.shape and x.shape == y.shape and bool((x.order == y.order).all())


def _codes_added(x: Codes, y: Codes) -> Codes:
    parts = {part.name: part for part in x.parts}
    for part in y.parts:
        old = parts.get(part.name)
        parts[part.name] = part if old is None else replace(part, step=part.step + old.step)
    return replace(x, parts=tuple(parts.values()), least=_each(x.least, y.least), before=None)


def _each(x: Sequence[Fraction], y: Sequence[Fraction]) -> tuple[Fraction, ...]:
    return tuple(one + other for one, other in zip(x, y, strict=True))


def _sums_added(draft: Draft, node: OnnxNode, x: Sums, y: Sums) -> Sums:
    for one in (x, y):
        if one.relu is not None:
            raise ModelError(f"{one.relu}: {node} reads it; quantize behind a ReLU, then add")
    b = _each(x.b, y.b)
    if x.name == y.name:
        return replace(x, a=_each(x.a, y.a), b=b)
    if isinstance(x.of, Layer) and isinstance(y.of, Layer):
        pairs = [_whole(node, row, one, other) for row, (one, other) in enumerate(zip(x.a, y.a, strict=True))]
        turns = [-1 if (x.pooled and p < 0) or (y.pooled and q < 0 and not x.pooled) else 1 for p, q, _ in pairs]
        first: Whole = draft.rescaled(x, [p * turn for (p, _, _), turn in zip(pairs, turns, strict=True)])
        second: Whole = draft.rescaled(y, [q * turn for (_, q, _), turn in zip(pairs, turns, strict=True)])
        a = tuple(slope * turn for (_, _, slope), turn in zip(pairs, turns, strict=True))
    else:
        if isinstance(x.of, Layer):
            x, y = y, x
        assert isinstance(x.of, Whole)
        first = x.of
        second = y.of if isinstance(y.of, Whole) else _scaled(draft, node, y, x)
        if isinstance(y.of, Whole) and any(
            one / first.unit != other / second.unit for one, other in zip(x.a, y.a, strict=True)
        ):
            raise ModelError(
                f"{node}: adds sums that others read too, one unit of which is worth "
                f"{float(x.a[0]):g} and {float(y.a[0]):g}; give them one scale, or quantize them before they part"
            )
        a = tuple(one / first.unit * min(first.unit, second.unit) for one in x.a)
    for one, made, sums in ((x, first, x.name), (y, second, y.name)):
        if isinstance(one.of, Layer) and isinstance(made, Rescaled) and made.pooled and min(made.scale) < 0:
            raise ModelError(f"{node}: subtracts {sums}, which stands behind a max-pool; pool what is quantized")
    ratio = max(first.unit, second.unit) / min(first.unit, second.unit)
    if ratio.denominator != 1 or ratio.numerator & (ratio.numerator - 1):
        raise ModelError(
            f"{node}: adds averages of windows of several sizes; average all, or windows of 1, 2, 4 … elements"
        )
    name = draft.free(f"{x.name}_add")
    finest = min(first.unit, second.unit)
    low, high = (
        [int(one * first.unit / finest + other * second.unit / finest) for one, other in zip(ends, others, strict=True)]
        for ends, others in ((first.low, second.low), (first.high, second.high))
    )
    names = [sums.name if sums.of is made else made.name for sums, made in ((x, first), (y, second))]
    fixed = any(sums.pooled and sums.of is made for sums, made in ((x, first), (y, second)))  # pools of features
    total = Made(name, finest, low, high, Add(), (first, second), shared=fixed)
    draft.put(name, total, names)
    return Sums(name, total, a, b, x.order, x.shape)


def _whole(node: OnnxNode, row: int, x: Fraction, y: Fraction) -> tuple[int, int, Fraction]:
    """Slopes as whole multiples of a third one, which is above 0."""
    if x == 0 and y == 0:
        return 0, 0, Fraction(1)
    step = common([abs(one) for one in (x, y) if one])
    times = (int(x / step), int(y / step))
    if max(map(abs, times)) > _MOST_SCALE:
        raise ModelError(
            f"{node}: adds sums that in channel {row} are worth {float(x):g} and {float(y):g} a unit, which are no "
            "multiples of one number up to 32767; quantize each branch in front of the sum"
        )
    return *times, step


def _scaled(draft: Draft, node: OnnxNode, sums: Sums, feature: Sums) -> Rescaled:
    """A layer's sums in the unit, or a finer one by a power of two, of a feature that they are added to."""
    assert isinstance(feature.of, Whole)
    unit, zero = feature.of.unit, Fraction(0)
    if all(one or not slope for slope, one in zip(sums.a, feature.a, strict=True)):
        exact = [slope * unit / one if one else zero for slope, one in zip(sums.a, feature.a, strict=True)]
        for bits in range(_MOST_FRACTION + 1):
            scale = [number * 2**bits for number in exact]
            if all(number.denominator == 1 and abs(number) <= _MOST_SCALE for number in scale):
                return draft.rescaled(sums, [int(number) for number in scale], bits)
    raise ModelError(
        f"{node}: adds sums of which one unit is worth {float(sums.a[0]):g} to others that count "
        f"{float(feature.a[0]):g}; one must be a whole multiple of the other: quantize each branch in front of the sum"
    )


def joined(draft: Draft, node: OnnxNode, tensors: Sequence[Value]) -> tuple[Value, str]:
    """Channels side by side: of codes, brought to one step where they have several, or of features.

    Raises:
        ModelError: maps of several sizes, or codes that take more than 8 bits in one step.
    """
    axis = int(node.attributes.get("axis", 1))
    if len({tensor.shape[:2] for tensor in tensors}) > 1:
        sizes = " and ".join(f"{tensor.shape.height}x{tensor.shape.width}" for tensor in tensors)
        raise ModelError(f"{node}: joins maps of {sizes}; one size is read")
    total = tensors[0].shape._replace(channels=sum(one.shape.channels for one in tensors))
    fault = shape_fault(*total)
    if fault is not None:
        raise ModelError(f"{node}: {fault}")
    try:
        order, shape = concatenated([one.order for one in tensors], [one.shape for one in tensors], axis)
    except ValueError as error:
        raise ModelError(f"{node}: its parts do not fit ({error})") from None
    codes = [one for one in tensors if isinstance(one, Codes)]
    if len(codes) == len(tensors):
        return _codes_joined(draft, node, codes, order, shape), "channels side by side"
    each = [draft.feature(as_sums(draft, node, tensor)) for tensor in tensors]
    for one in each:
        if one.relu is not None:
            raise ModelError(f"{one.relu}: {node} reads it; quantize behind a ReLU, then join")
    wholes = [one.of for one in each if isinstance(one.of, Whole)]
    if len({whole.unit for whole in wholes}) > 1:
        raise ModelError(f"{node}: joins averages of windows of several sizes; quantize them first")
    twice = len({one.name for one in each}) < len(each)
    name = draft.free(f"{each[0].name}_join")
    low, high = [end for one in wholes for end in one.low], [end for one in wholes for end in one.high]
    fixed = twice or any(one.pooled for one in each)
    made = Made(name, wholes[0].unit, low, high, Join(), tuple(wholes), shared=fixed)
    draft.put(name, made, [one.name for one in each])
    a, b = (tuple(number for one in each for number in getattr(one, key)) for key in ("a", "b"))
    return Sums(name, made, a, b, order, shape), "channels of features side by side"


def _codes_joined(draft: Draft, node: OnnxNode, codes: Sequence[Codes], order: Order, shape: Shape) -> Codes:
    least = tuple(number for one in codes for number in one.least)
    step = common([part.step for one in codes for part in one.parts])
    peaks = [int(one.grid / step) * one.peak for one in codes]
    bits = max(peaks).bit_length()
    if bits > MOST_BITS:
        raise ModelError(
            f"{node}: joins codes in steps of {', '.join(f'{float(one.grid):g}' for one in codes)}, which take {bits} "
            f"bits in one step; {MOST_BITS} are the most: use one scale"
        )
    names: list[str] = []
    for one in codes:
        part = one.parts[0]
        alike = len(one.parts) == 1 and (part.bits, part.step) == (bits, step) and part.name not in names
        if not alike or (names and not draft.tie(part.name, names[0], Fraction(1))) or part.name == PIXELS:
            part = draft.merged(tied(draft, node, one), int(one.grid / step), bits).parts[0]
            if names:
                draft.tie(part.name, names[0], Fraction(1))
        names.append(part.name)
    name = draft.free(f"{names[0]}_join")
    draft.tie(name, names[0], Fraction(1))
    return Codes((Part(draft.put(name, Join(), names), bits, step),), least, order, shape)


def averaged(draft: Draft, node: OnnxNode, tensor: Value, window: Window) -> tuple[Value, str]:
    """The average of every window and channel: a sum, 1/area of which goes into the unit.

    Raises:
        ModelError: of a ReLU that nothing quantizes, or with pads.
    """
    shape = tensor.shape.windowed(window)
    if isinstance(tensor, Codes):
        if window.padded and any(tensor.least):
            raise ModelError(f"{node}: averages pads of 0, which is not the lowest value of its codes; pad nothing")
        return Means(tensor, window, map_order(shape), shape), "averages"
    sums = draft.feature(as_sums(draft, node, tensor))
    if sums.relu is not None:
        raise ModelError(f"{sums.relu}: {node} reads it; quantize behind a ReLU, then average")
    if window.padded:
        raise ModelError(f"{node}: averages pads of 0; pad nothing")
    assert isinstance(sums.of, Whole)
    op = SumPool(None if window.kernel == sums.shape[:2] else window)
    low, high = ([window.area * end for end in ends] for ends in (sums.of.low, sums.of.high))
    name = draft.free(f"{sums.name}_sum_pool")
    made = Made(name, sums.of.unit / window.area, low, high, op, (sums.of,), shared=sums.pooled)
    draft.put(name, made, (sums.name,))
    a = tuple(one / window.area for one in sums.a)
    return Sums(name, made, a, sums.b, map_order(shape), shape), f"sums of {window}, which count 1/{window.area}"
