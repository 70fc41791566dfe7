"""Layers with weights: the rows of a foreign matrix or kernel in our order, on the exact numbers of what they read."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.branches import tied
from rebnet.importing.draft import Draft, Layer, Made, Rescaled
from rebnet.importing.graph import OnnxNode
from rebnet.importing.values import Codes, Means, Padded, Sums, Value, map_order
from rebnet.importing.weights import Planes, planes_of
from rebnet.ir.bounds import window_fault
from rebnet.ir.features import SumPool
from rebnet.ir.values import Shape
from rebnet.spec.groups import group_fault
from rebnet.spec.window import Window

Given = Sequence[Array]
MOST_SPREAD = 1 << 26
"""Weights of a layer that others' become."""


def layer(draft: Draft, node: OnnxNode, codes: Codes, weights: Array, window: Window | None, groups: int = 1) -> Sums:
    """A layer of `weights`, shape (rows, places of a window), in our order."""
    made = planes_of(str(node), weights)
    rows, columns = weights.shape
    fault = group_fault(codes.shape.channels if groups > 1 else 1, rows, groups, len(made.gains))
    if fault is not None:
        raise ModelError(f"{node}: {fault}")
    codes = tied(draft, node, codes)
    stacked = draft.stacked(codes)
    draft.layers += 1
    name = f"layer_{draft.layers}"
    reach = columns * sum(made.gains) * codes.peak
    source = (codes.parts[0].name, codes.times[0])
    item = Layer(name, made.bits, made.gains, window, groups, reach, source, codes.shape)
    draft.put(name, item, (stacked,))
    shape = Shape(1, 1, rows) if window is None else codes.shape.windowed(window, rows)
    order = np.arange(rows, dtype=np.int64).reshape(1, -1) if window is None else map_order(shape)
    a = tuple(scale * codes.scale for scale in made.scales)
    return Sums(name, item, a, _offsets(made, codes, groups), order, shape)


def _offsets(made: Planes, codes: Codes, groups: int) -> tuple[Fraction, ...]:
    """What each row gives where all c are 0."""
    if len(set(codes.offsets)) == 1:
        totals = zip(made.scales, made.values.sum(axis=1), strict=True)
        return tuple(scale * codes.offsets[0] * int(total) for scale, total in totals)
    rows, channels = len(made.values), len(codes.offsets) // groups
    of_channels = made.values.reshape(rows, -1, channels).sum(axis=1)
    found = []
    for row, (scale, totals) in enumerate(zip(made.scales, of_channels, strict=True)):
        first = row // (rows // groups) * channels
        offsets = codes.offsets[first : first + channels]
        found.append(scale * sum(int(total) * one for total, one in zip(totals, offsets, strict=True)))
    return tuple(Fraction(one) for one in found)


def _codes(node: OnnxNode, tensor: Value) -> Codes:
    """Codes that a layer reads."""
    if isinstance(tensor, Sums) and tensor.relu is not None:
        raise ModelError(
            f"{tensor.relu}: stands in front of no quantizer, but of {node}; quantize what comes of it, without a sign"
        )
    if not isinstance(tensor, Codes):
        what = "averages" if isinstance(tensor, Means) else "sums"
        raise ModelError(f"{node}: reads {what} that nothing quantizes; a layer reads codes of 1 to 8 bits")
    return tensor


def matmul(draft: Draft, node: OnnxNode, tensor: Value, place: int, given: Given) -> tuple[Sums, str]:
    """MatMul by a constant matrix behind a vector."""
    weights, order = np.asarray(given[0]), tensor.order
    if weights.ndim != 2 or place != 0 or order.shape != (1, weights.shape[0]):
        raise ModelError(
            f"{node}: multiplies the shape {order.shape} by {weights.shape}; a vector by a constant matrix is read"
        )
    if order.size != tensor.shape.elements:
        raise ModelError(f"{node}: reads {order.size} of {tensor.shape.elements} values; all of them are needed")
    ordered = np.empty_like(weights.T)
    ordered[:, order[0]] = weights.T
    sums = _of_means(draft, node, tensor, ordered) if isinstance(tensor, Means) else None
    sums = sums or layer(draft, node, _codes(node, tensor), ordered, None)
    return sums, f"{sums.name}, dense, {weights.shape[0]} to {weights.shape[1]}"


def _of_means(draft: Draft, node: OnnxNode, means: Means, weights: Array) -> Sums:
    """A dense layer of averages of codes: one of the codes themselves, each with the weights of its windows."""
    codes, window, area = means.codes, means.window, means.window.area
    if window.padded:
        raise ModelError(f"{node}: reads averages with pads that nothing quantizes; pad nothing")
    rows, (height, width, channels) = len(weights), codes.shape
    own = weights.astype(np.float64).reshape(rows, *means.shape)
    spread = np.zeros((rows, height, width, channels))
    for row in range(means.shape.height):
        for column in range(means.shape.width):
            top, left = row * window.stride[0], column * window.stride[1]
            spread[:, top : top + window.kernel[0], left : left + window.kernel[1]] += own[:, row, column][
                :, None, None
            ]
    sums = layer(draft, node, codes, spread.reshape(rows, -1), None)
    item = sums.of
    assert isinstance(item, Layer)
    totals = [Fraction(float(one)) for one in spread.reshape(rows, -1).sum(axis=1)]
    b = tuple(means.a * one / area + means.b * total / area for one, total in zip(sums.b, totals, strict=True))
    return replace(sums, a=tuple(means.a * one / area for one in sums.a), b=b)


def mean_of_sums(draft: Draft, sums: Sums) -> Sums:
    """The average of all places of a convolution as a dense layer of what that reads; other sums as they are.

    Raises:
        ModelError: its weights, sums of the convolution's, take too many planes.
    """
    pool = sums.of
    if not isinstance(pool, Made) or not isinstance(pool.op, SumPool) or pool.op.window is not None or sums.pooled:
        return sums
    (scaled,) = pool.sources
    if not isinstance(scaled, Rescaled) or scaled.pooled or scaled.layer.window is None:
        return sums
    old, place = scaled.layer, "the average that ends the network"
    every, inner = _spread_kernel(place, old)
    made = planes_of(place, inner.reshape(len(inner), -1).astype(np.float64))
    most = old.reach // (old.bits.shape[2] * sum(old.gains))  # of a code
    draft.layers += 1
    name, reach = f"layer_{draft.layers}", inner[0].size * sum(made.gains) * most
    item = Layer(name, made.bits, made.gains, None, 1, reach, old.source, old.reads)
    (sources,) = (read for one, _, read in draft.nodes if one == old.name)
    draft.put(name, item, sources)
    pads = (every - inner.sum(axis=(1, 2, 3))).tolist()  # weights that see a pad, which is the lowest code
    slopes = [slope * times for slope, times in zip(sums.a, scaled.scale, strict=True)]
    a = tuple(slope * scale for slope, scale in zip(slopes, made.scales, strict=True))
    b = tuple(old - slope * pad * most for old, slope, pad in zip(sums.b, slopes, pads, strict=True))
    order = np.arange(len(inner), dtype=np.int64).reshape(1, -1)
    return Sums(name, item, a, b, sums.order.reshape(order.shape), Shape(1, 1, len(inner)))


def _spread_kernel(place: str, old: Layer) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All weights of each row over all places, and what each element of the map sees of them."""
    window, (height, width, channels) = old.window, old.reads
    assert window is not None
    rows, own = old.bits.shape[1], channels // old.groups
    if rows * height * width * channels > MOST_SPREAD:
        raise ModelError(f"{place}: takes {rows * height * width * channels} weights; {MOST_SPREAD} are the most")
    values = np.einsum("j,jrc->rc", np.asarray(old.gains, dtype=np.int64), 2 * old.bits.astype(np.int64) - 1)
    kernel = np.zeros((rows, *window.kernel, channels), dtype=np.int64)
    for row in range(rows):
        first = row // (rows // old.groups) * own
        kernel[row, :, :, first : first + own] = values[row].reshape(*window.kernel, own)
    (top, bottom), (left, right) = window.pads
    spread = np.zeros((rows, height + top + bottom, width + left + right, channels), dtype=np.int64)
    places = old.reads.windowed(window)
    for down in range(places.height):
        for across in range(places.width):
            y, x = down * window.stride[0], across * window.stride[1]
            spread[:, y : y + window.kernel[0], x : x + window.kernel[1]] += kernel
    return spread.sum(axis=(1, 2, 3)), spread[:, top : top + height, left : left + width]


def gemm(draft: Draft, node: OnnxNode, tensor: Value, place: int, given: Given) -> tuple[Sums, str]:
    """Gemm of a vector; its bias is added behind it."""
    get = node.attributes.get
    if place != 0 or get("transA", 0) or get("alpha", 1.0) != 1.0 or get("beta", 1.0) != 1.0:
        raise ModelError(f"{node}: transA={get('transA', 0)}, alpha={get('alpha', 1.0)}: 0 and 1 are read")
    weights = np.asarray(given[0])
    return matmul(draft, node, tensor, 0, [weights.T if get("transB", 0) else weights])


def conv(draft: Draft, node: OnnxNode, tensor: Value, place: int, given: Given) -> tuple[Sums, str]:
    """Conv of two axes; its bias is added behind it."""
    weights = np.asarray(given[0])
    if place != 0 or weights.ndim != 4:
        raise ModelError(f"{node}: has weights of the shape {weights.shape}; a convolution of two axes is read")
    kernel = tuple(node.attributes.get("kernel_shape", weights.shape[2:]))
    if kernel != weights.shape[2:]:
        raise ModelError(f"{node}: says kernel_shape {kernel}, and its weights have the shape {weights.shape}")
    groups = int(node.attributes.get("group", 1))
    window = window_of(node, tensor, weights.shape[2:])
    if groups < 1 or weights.shape[1] * groups != tensor.shape.channels:
        raise ModelError(
            f"{node}: its weights have {weights.shape[1]} channels in {groups} groups, its input "
            f"{tensor.shape.channels}"
        )
    rows = np.moveaxis(weights, 1, 3).reshape(len(weights), -1)
    words = f"convolution {window} of {len(weights)} channels"
    if isinstance(tensor, Means) and tensor.shape.positions == window.area == groups == 1 and not window.padded:
        sums = _of_means(draft, node, tensor, rows)
        return replace(sums, order=map_order(sums.shape)), f"{sums.name}, {words}"
    codes = _codes(node, tensor)
    sums = layer(draft, node, codes, rows, window, groups)
    return sums, f"{sums.name}, {words}"


def check_pads(node: OnnxNode, codes: Codes) -> None:
    """Refuse a convolution's own pads, of the value 0, around codes that do not begin there.

    Raises:
        ModelError: they do not.
    """
    if any(node.attributes.get("pads", ())) and any(codes.least):
        lowest = next(one for one in codes.least if one)
        raise ModelError(
            f"{node}: pads with 0, which is not the lowest value of its codes, {float(lowest):g}; pad with "
            "that one (ONNX' Pad), or let activations begin at 0 (ReLU)"
        )


def padded(node: OnnxNode, codes: Codes, given: Given) -> Padded:
    """Pad, of rows and columns of the lowest value of codes.

    Raises:
        ModelError: it pads otherwise, or what is no map.
    """
    get, rank = node.attributes.get, codes.order.ndim
    pads = [int(pad) for pad in (np.asarray(given[0]).ravel() if given else get("pads", ()))]
    value = Fraction(float(np.asarray(given[1]).ravel()[0] if len(given) > 1 else get("value", 0.0)))
    axes = [int(axis) % 4 for axis in given[2].ravel()] if len(given) > 2 else list(range(rank))
    if str(get("mode", "constant")) != "constant" or len(pads) != 2 * len(axes) or min(pads, default=0) < 0:
        raise ModelError(
            f"{node}: mode={get('mode', 'constant')}, pads {pads}; pads of constants, not below 0, are read"
        )
    each = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    sides = [each.get(axis, (0, 0)) for axis in range(4)]
    if not np.array_equal(codes.order, map_order(codes.shape)) or any(sides[0] + sides[1]) or max(pads) > 64:
        raise ModelError(f"{node}: pads {pads} of the shape {codes.order.shape}; up to 64 rows and columns are read")
    if any(least != value for least in codes.least):
        raise ModelError(
            f"{node}: pads with {float(value):g}; the lowest value of its codes, {float(codes.least[0]):g}, is read"
        )
    (top, bottom), (left, right) = sides[2:]
    height, width, channels = codes.shape
    shape = Shape(height + top + bottom, width + left + right, channels)
    return Padded(codes, (top, left, bottom, right), np.full((1, channels, *shape[:2]), -1, dtype=np.int64), shape)


def xnor(draft: Draft, node: OnnxNode, tensor: Value, place: int, given: Given) -> tuple[Sums, str]:
    """XnorPopcountMatMul, of bits by bits: how many agree, (v + K)/2 of the signed sum v of K places."""
    codes, bits = _codes(node, tensor), np.asarray(given[0], dtype=np.float64)
    if not np.isin(bits, (0, 1)).all():
        raise ModelError(f"{node}: has weights from {bits.min():g} to {bits.max():g}; bits, 0 and 1, are read")
    if len(codes.parts) > 1 or codes.peak > 1 or codes.grid != 1 or any(codes.least):
        values = f"{float(min(codes.least)):g} to {float(max(codes.least) + codes.grid * codes.peak):g}"
        raise ModelError(f"{node}: reads codes of {values}; bits, 0 and 1, are read")
    parts = (replace(codes.parts[0], step=Fraction(2)),)
    signs = replace(codes, parts=parts, least=(Fraction(-1),) * len(codes.least), before=None)
    sums, words = matmul(draft, node, signs, place, [(2 * bits - 1).astype(np.float32)])
    half, count = Fraction(1, 2), bits.shape[0]
    agree = tuple(half * (one + count) for one in sums.b)
    return replace(sums, a=tuple(half * one for one in sums.a), b=agree), words


def window_of(node: OnnxNode, tensor: Value, kernel: Sequence[int], sides: int = 64) -> Window:
    """The window of a convolution or a pool, of at most so many rows and columns, over a map that stands as it should.

    Raises:
        ModelError: it is none that is read, or does not fit the map.
    """
    get = node.attributes.get
    moved = tensor.order.ndim == 4 and not np.array_equal(tensor.order, map_order(tensor.shape))
    if len(kernel) == 2 and moved:
        raise ModelError(
            f"{node}: reads the shape {tensor.order.shape}, whose elements another node moved; maps of 1, channels, "
            "height, width are read as they stand, or behind DepthToSpace of mode CRD"
        )
    if len(kernel) != 2 or tensor.order.ndim != 4:
        raise ModelError(f"{node}: reads the shape {tensor.order.shape}; maps of 1, channels, height, width are read")
    if tuple(get("dilations", (1, 1))) != (1, 1):
        raise ModelError(f"{node}: has dilations {get('dilations')}; 1 is read")
    if str(get("auto_pad", "NOTSET")) not in ("NOTSET", "VALID"):
        raise ModelError(f"{node}: auto_pad={get('auto_pad')}; say the pads in numbers")
    if get("ceil_mode", 0):
        raise ModelError(f"{node}: ceil_mode=1; windows that lie in the map are read")
    pads, strides = tuple(get("pads", (0, 0, 0, 0))), tuple(get("strides", (1, 1)))
    if len(pads) != 4 or len(strides) != 2:
        raise ModelError(f"{node}: has pads {pads} and strides {strides}; 4 and 2 numbers are read")
    (top, left, bottom, right), (down, across) = pads, strides
    rows, columns = (int(size) for size in kernel)
    sizes = (rows, columns, down, across)
    if min(sizes) < 1 or max(sizes) > sides or min(top, left, bottom, right) < 0:
        raise ModelError(f"{node}: kernel {rows}x{columns}, strides {down}x{across}, pads {pads}")
    window = Window((rows, columns), (down, across), pads=((top, bottom), (left, right)))
    fault = window_fault(window)
    if fault is not None:
        raise ModelError(f"{node}: a window {window}; {fault}")
    if not window.fits(tensor.shape.height, tensor.shape.width):
        raise ModelError(f"{node}: a window {window} does not fit a map of {tensor.shape}")
    return window
