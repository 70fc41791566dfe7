"""A foreign graph from its image to its answer, and the exported network that comes of it."""

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import ModelError, OptionError
from rebnet.importing.constants import SHAPES, computed
from rebnet.importing.draft import Boundaries, Draft, Layer, Made, Rescaled, Whole
from rebnet.importing.graph import MOST_BYTES, OnnxGraph, read_graph
from rebnet.importing.layers import mean_of_sums
from rebnet.importing.nodes import Rules, image_order
from rebnet.importing.values import Codes, Ended, Pixels, Sums, Tensor, map_order
from rebnet.ir.bounds import shape_fault
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import BatchNorm, MultiThreshold, Op, PixelInput
from rebnet.ir.text import network_text
from rebnet.ir.values import Shape
from rebnet.ir.verify import verify
from rebnet.records.importing import ImportedNode

INPUT_SCALES = ("unit", "bytes")
_EPSILON = 2.0**-20


@dataclass(frozen=True)
class Imported:
    """What a foreign graph became.

    Attributes:
        network: the exported network, which serves all of its levels and no fewer.
        recognised: each node of the file, and what it was taken for.
    """

    network: Network
    recognised: tuple[ImportedNode, ...]

    @property
    def text(self) -> str:
        """The network in the notation; of a graph with branches what it is made of, which has no such text."""
        network, image = self.network, self.network.input
        if network.is_chain:
            return network_text(network)
        met = Counter(type(op).__name__ for op in network.ops)
        meets = ", ".join(f"{met[kind]} {kind}" for kind in ("Add", "Stack", "Join", "SumPool") if met[kind])
        pixels = f"{image.height}x{image.width}x{image.channels}"
        return f"{pixels} - {len(network.layers)} layers - {network.classes} scores, {meets or 'branches'}"


def read_onnx(
    path: Path, name: str | None = None, input_scale: str | None = None, *, shown: str | None = None
) -> Imported:
    """Read a QONNX or FINN-ONNX file.

    Args:
        path: of the file.
        name: of the network; the file's stem if not given.
        input_scale: what the file's image is: "unit", bytes divided by 255, or "bytes". Where it is not given, bytes
            are what is annotated so or divided by 255.
        shown: what refusals call the file; its path if not given.

    Raises:
        ModelError: what it holds is not read; names the node.
        MissingExtraError: the package onnx is not installed.
        OptionError: there is no such file, or scale, or the file's annotation of its image contradicts it.
    """
    if input_scale not in (None, *INPUT_SCALES):
        raise OptionError(f"input_scale={input_scale!r}: use {' or '.join(INPUT_SCALES)}")
    place = shown or str(path)
    graph = read_graph(path, place)
    try:
        if input_scale not in (None, "bytes") and graph.image_type == "UINT8":
            raise OptionError(
                f"input_scale={input_scale}: {place} says that its image {graph.image!r} is bytes, UINT8; leave "
                "--input-scale out"
            )
        return _walk(graph, name or _plain(path.stem), input_scale)
    except ModelError as error:
        raise ModelError(f"{place}: {error}") from None


def _plain(stem: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in stem).strip("-") or "network"


def _walk(graph: OnnxGraph, name: str, input_scale: str | None) -> Imported:
    image = _image(graph.shape)
    scale = input_scale or ("bytes" if _takes_bytes(graph) else "unit")
    table = np.arange(256, dtype=np.float32)
    if scale == "unit":
        table = table / np.float32(255)
    if input_scale is None and graph.image_type not in ("", "UINT8", "FLOAT32", "FLOAT16"):
        raise ModelError(
            f"its image {graph.image!r} is annotated {graph.image_type}; say with --input-scale what a byte is worth"
        )
    draft = Draft()
    rules = Rules(draft, bare=input_scale is not None or graph.image_type == "UINT8")
    readers = Counter(one for node in graph.nodes if node.kind != "Shape" for one in set(node.inputs))
    tensors: dict[str, Tensor] = {graph.image: Pixels(table, image_order(graph.shape, image), image)}
    constants: dict[str, NDArray[Any]] = dict(graph.constants)
    recognised, made_bytes = [], 0
    for node in graph.nodes:
        known = [one for one in node.inputs if one]
        missing = [one for one in known if one not in tensors and one not in constants]
        if missing:
            raise ModelError(f"{node}: reads {missing[0]!r}, which no node before it gives")
        moving = [place for place, one in enumerate(node.inputs) if one in tensors]
        if node.kind == "Shape" and moving:
            constants[node.outputs[0]] = np.asarray(tensors[node.inputs[0]].order.shape, dtype=np.int64)
            words = "a constant"
        elif not moving:
            constants[node.outputs[0]] = computed(node, [constants[one] for one in known])
            made_bytes += constants[node.outputs[0]].nbytes
            if made_bytes > 4 * MOST_BYTES:
                raise ModelError(f"{node}: its constants and those before take more than {4 * MOST_BYTES} bytes")
            words = "a constant"
        else:
            for one in known:
                if one in tensors and readers[one] > 1:
                    tensors[one] = draft.shared(tensors[one])
            given = [constants[one] for one in known if one not in tensors]
            read = [tensors[node.inputs[place]] for place in moving]
            made, words = rules(node, read[0], moving[0], given) if len(read) == 1 else rules.meet(node, read, given)
            for output in node.outputs:
                tensors[output] = made
        recognised.append(ImportedNode(node=str(node), became=words))
    answer = tensors.get(graph.answer)
    if answer is None:
        raise ModelError(f"its answer {graph.answer!r} does not depend on its image")
    return Imported(_network(draft, image, _scores(draft, answer), name), tuple(recognised))


def _image(shape: tuple[int, ...]) -> Shape:
    if len(shape) not in (2, 4):
        raise ModelError(f"its image has the shape {shape}; 1, channels, height, width or 1, values is read")
    image = Shape(shape[2], shape[3], shape[1]) if len(shape) == 4 else Shape(1, 1, shape[1])
    fault = shape_fault(*image)
    if fault is not None:
        raise ModelError(f"its image {fault}")
    return image


def _takes_bytes(graph: OnnxGraph) -> bool:
    """Whether the image is bytes: annotated so, or divided by 255 first."""
    if graph.image_type == "UINT8":
        return True
    names = {graph.image}
    for node in graph.nodes:
        if node.inputs and node.inputs[0] in names:
            constant = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
            if node.kind in ("Div", "Mul") and constant is not None and constant.size == 1:
                number = float(constant.reshape(-1)[0])
                return number == 255.0 if node.kind == "Div" else np.float32(number) == np.float32(1 / 255)
            if node.kind not in (*SHAPES, "Cast"):
                return False
            names.add(node.outputs[0])
    return False


def _scores(draft: Draft, answer: Tensor) -> Sums:
    """The sums whose largest is the answer; of codes of one bit what they were made from, less the threshold."""
    if isinstance(answer, Ended):
        answer = answer.scores
    if isinstance(answer, Codes) and answer.before is not None and answer.before[1].bits == 1:
        sums, step = answer.before
        ends = [step.ends_of(row)[0] for row in range(sums.shape.channels)]
        answer = replace(sums, b=tuple(b - end for b, end in zip(sums.b, ends, strict=True)), order=answer.order)
    if not isinstance(answer, Sums) or answer.relu is not None:
        raise ModelError("its answer is no sum of a layer; the last layer's sums, affine or not, are its scores")
    answer = mean_of_sums(draft, answer)
    if not isinstance(answer.of, Layer):
        raise ModelError(
            "its answer comes of several layers, or of averages behind one; one layer ends a network: average the "
            "codes in front of it"
        )
    places = np.arange(answer.shape.elements).reshape(1, *answer.shape)
    orders = [map_order(answer.shape), places] if answer.shape.positions > 1 else []
    flat = np.array_equal(answer.order.ravel(), places.ravel()) and answer.shape.positions == 1
    if not flat and not any(np.array_equal(answer.order, one) for one in orders):
        raise ModelError(
            "its scores stand in another order than the last layer's outputs; leave them in it, of a map as 1, "
            "classes, height, width or 1, height, width, classes"
        )
    return answer


def _network(draft: Draft, image: Shape, scores: Sums, name: str) -> Network:
    nodes = draft.needed(scores.name)
    bits = [one.bits for _, one, _ in nodes if isinstance(one, Boundaries)]
    counts = draft.multiples()
    least = min((counts[name] for name, one, _ in nodes if isinstance(one, Boundaries)), default=1)
    # of one level a layer counts codes by 1, whatever they count elsewhere, and features then in another unit
    featured = any(isinstance(one, Rescaled) for _, one, _ in nodes)
    uneven = any(
        counts[name] != least if featured else counts[name] % least
        for name, one, _ in nodes
        if isinstance(one, Boundaries)
    )
    levels = max([1, *bits, 2 if uneven else 1])
    image_unit = 1.0 / ((1 << draft.bits) - 1)
    # a unit of a layer's sums is what its codes count, of which features have the least common multiple
    counted = {
        one.name: Fraction(counts[one.source[0]], one.source[1]) for _, one, _ in nodes if isinstance(one, Layer)
    }
    all_count = lcm(*(int(counted[one.layer.name]) for _, one, _ in nodes if isinstance(one, Rescaled)))

    def unit(of: Layer | Whole) -> float:
        if isinstance(of, Whole):
            return float(of.unit * all_count)
        return image_unit if of.source[0] == PIXELS else float(counted[of.name])

    made: list[Node[Op]] = []
    for node_name, item, sources in nodes:
        op: Op
        match item:
            case Layer():
                op = item.made()
            case Boundaries():
                op = _codes(item, levels, unit(item.of), counts[node_name])
            case Rescaled():
                op = item.made(int(all_count / counted[item.layer.name]))
            case Made():
                op = item.op
            case _:
                op = item
        made.append(Node(node_name, op, sources))
    assert isinstance(scores.of, Layer)
    made.append(Node("scores", _last(scores, unit(scores.of)), (scores.name,)))
    pixels = PixelInput(image.height, image.width, image.channels, draft.bits, draft.table)
    return verify(Network(name, levels, pixels, tuple(made), served=(levels,)))


def _codes(made: Boundaries, levels: int, unit: float, times: int) -> MultiThreshold:
    """Boundaries half a unit in front of the first n, of codes that have bits behind their own which count nothing."""
    finer = levels - made.bits
    firsts = np.empty((len(made.firsts), (1 << made.bits) - 1), dtype=np.float64)
    firsts[:] = np.asarray(made.of.high, dtype=np.float64)[:, None] + 1
    for row, found in enumerate(made.firsts):
        firsts[row, : len(found)] = found
    places = -(-np.arange(1, 1 << levels) // (1 << finer))  # of the code that such a longer one begins with, rounded up
    never = np.asarray(made.of.high, dtype=np.float64)[:, None] + 1
    padded = np.concatenate([firsts, never], axis=1)
    boundaries = (padded[:, places - 1] - 0.5) * unit
    gammas = (*(float(times << place) for place in reversed(range(made.bits))), *(0.0,) * finer)
    return MultiThreshold(gammas, 0, boundaries=boundaries)


def _last(scores: Sums, unit: float) -> BatchNorm:
    """What z = a·v + b is as a BatchNorm of the sums' real values.

    What rows have of their own is said in units of v, where it is a small number: equal scores stay equal in floats.
    """
    exact, common = Fraction(unit), scores.b[0]
    rows = list(zip(scores.a, scores.b, strict=True))
    weight = [float(slope / exact) for slope, _ in rows]
    mean = [float((common - offset) / slope * exact) if slope else 0.0 for slope, offset in rows]
    bias = [float(common if slope else offset) for slope, offset in rows]
    ones = np.full(len(rows), 1.0 - _EPSILON)
    return BatchNorm(np.asarray(mean), ones, np.asarray(weight), np.asarray(bias), _EPSILON)
