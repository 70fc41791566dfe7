"""One function of C for each step of a network with branches: every pixel of a map, and every element of that.

Names of an element, of constants and of codes end in the number of their node: z7, thresholds_7, code_7.
"""

from collections.abc import Sequence
from string import Template
from textwrap import indent
from typing import cast

from rebnet.errors import OptionError
from rebnet.generate.c.elements import encoded, pointers, scored, summed_rows
from rebnet.generate.c.graph import Graph, Step, kept_type, reached, stacked
from rebnet.generate.c.heads import code_head, feature_head
from rebnet.generate.c.layers import layer_text
from rebnet.generate.c.maps import cleared_code, feature_here, first_code
from rebnet.generate.c.plan import Layer, words
from rebnet.generate.c.tables import (
    Table,
    dense_tables,
    most_bent,
    most_residual,
    signed,
    slope_tables,
    sloped_type,
    threshold_tables,
    two_slope_tables,
)
from rebnet.generate.c.windows import CodeMap, gather
from rebnet.ir.features import DepthToSpace, Rescale, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Node
from rebnet.ir.ops import Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Code, Feature, Integer, shifts_to_finest
from rebnet.spec.two_slope import rounding

_FUNCTION = Template("""\
/* $comment */
static void run$n($parameters)
{
$body}
""")

_MAP = Template("""\
for (int out_y = 0; out_y < $height; out_y++) {
    for (int out_x = 0; out_x < $width; out_x++) {
$body\
    }
}
""")

_ROWS = Template("""\
for (int row = 0; row < $rows; row++) {
$body}
""")


def parameters(step: Step, name: str) -> str:
    """The parameters of a step's function."""
    image = ["const uint8_t *image"] if step.layer is not None and step.layer.first else []
    scores = [f"{name}_score *scores"] if step.scores else []
    return ", ".join([*image, f"{name}_memory *memory", "int levels", *scores])


def step_lines(plan: Graph, step: Step) -> list[str]:
    """A step in words: a line for its layer, pool or join, and for each thing it does with the elements of that."""
    layer = [] if step.layer is None else [f"{step.layer.number} {layer_text(step.layer)}"]
    return [*layer, *(_node_text(plan, node) for node in step.nodes[len(layer) :])]


def _node_text(plan: Graph, node: Node[Op]) -> str:
    """A node and what it reads."""
    op, read = node.op, ", ".join(str(plan.numbers[name]) for name in plan.network.sources(node))
    window = f" {op.window}" if isinstance(op, MaxPool | SumPool) and op.window is not None else ""
    window = f" {op.factors}" if isinstance(op, Upsample) else window
    window = f" {op.block}x{op.block}" if isinstance(op, DepthToSpace) else window
    return f"{plan.numbers[node.name]} {node.name}: {type(op).__name__}{window} of {read}"


def step_tables(plan: Graph, step: Step) -> tuple[Table, ...]:
    """The constants of a step."""
    return tuple(table for node in step.nodes for table in _tables(plan, step, node))


def step_function(plan: Graph, step: Step, name: str) -> str:
    """The function of a step."""
    body = "".join(_pointers(plan, step, node) for node in step.nodes) + _pixel(plan, step)
    shape = plan.network.values[step.head.name].shape
    if shape.positions > 1 or "out_y" in body:
        if "position" in body:
            body = f"const int position = out_y * {shape.width} + out_x;\n" + body
        body = _MAP.substitute(height=shape.height, width=shape.width, body=indent(body, " " * 8))
    if "levels" not in body:
        body = "(void)levels;\n" + body
    return _FUNCTION.substitute(
        n=step.number,
        comment="\n * ".join(step_lines(plan, step)),
        parameters=parameters(step, name),
        body=indent(body, "    "),
    )


def _tables(plan: Graph, step: Step, node: Node[Op]) -> tuple[Table, ...]:
    number, served = plan.numbers[node.name], plan.network.served
    match node.op:
        case Dense():
            assert step.layer is not None
            *bits, reach = dense_tables(step.layer, served)
            return tuple(bits) if isinstance(step.layer.tail, Threshold) else (*bits, reach)
        case Threshold():
            return threshold_tables(number, node.op, served)
        case Rescale() | Scores():
            return slope_tables(number, node.op, served)
        case TwoSlope():
            return two_slope_tables(number, node.op)
    return ()


def _pointers(plan: Graph, step: Step, node: Node[Op]) -> str:
    """Constants of a node; a layer's and its scores' have plain names, as there is one of these in a step."""
    plain = isinstance(node.op, Dense | Scores)
    planes = step.layer.planes if step.layer is not None else 0
    rows = plan.network.values[node.name].shape.channels
    suffix = "" if plain else f"_{plan.numbers[node.name]}"
    return pointers(_tables(plan, step, node), plan.network.served, planes, rows, suffix)


def _pixel(plan: Graph, step: Step) -> str:
    """What a step does with a pixel."""
    head, network = step.head, plan.network
    if isinstance(network.values[head.name], Code):
        return code_head(plan, head)
    codes = [node.name for node in step.tail if isinstance(node.op, Threshold)]
    cleared = "".join(cleared_code(plan, f"code_{plan.numbers[name]}", name) for name in codes)
    tail = "".join(_element(plan, step, node) + _kept(plan, node) for node in step.tail)
    if step.layer is not None:
        return (
            _window(plan, step.layer)
            + cleared
            + summed_rows(step.layer, _planes(plan, step.layer), _loads(plan, step) + tail)
        )
    tail = _loads(plan, step) + feature_head(plan, head) + _kept(plan, head) + tail
    return cleared + _ROWS.substitute(rows=network.values[head.name].shape.channels, body=indent(tail, "    "))


def _window(plan: Graph, layer: Layer) -> str:
    """The window of a layer: the codes that it reads, a stack's one behind the other."""
    if layer.first:
        return gather(layer, layer.planes * layer.window_words)
    levels = plan.network.levels
    maps = [
        CodeMap(first_code(plan, name), levels * layer.channel_words, layer.height, levels * place)
        for place, name in enumerate(stacked(plan.network, layer.source))
    ]
    cleared = f"levels * {layer.window_words}" if len(maps) == 1 else layer.planes * layer.window_words
    return gather(layer, cleared, *maps)


def _planes(plan: Graph, layer: Layer) -> list[tuple[int, str]]:
    """The planes of a window that count: those of each code that are there at the image's levels."""
    if layer.first:
        return [(0, str(layer.planes))]
    return [(plan.network.levels * place, "levels") for place, _ in enumerate(stacked(plan.network, layer.source))]


def _loads(plan: Graph, step: Step) -> str:
    """What is read of other steps' features, before any of it is written over."""
    own = {node.name for node in step.nodes}
    read = [source for node in step.tail for source in plan.network.sources(node) if source not in own]
    return "".join(
        f"const int32_t z{plan.numbers[name]} = {feature_here(plan, name)};\n" for name in dict.fromkeys(read)
    )


def _element(plan: Graph, step: Step, node: Node[Op]) -> str:
    """What a node of the tail does with an element."""
    network, number = plan.network, plan.numbers[node.name]
    source = network.sources(node)[0]
    match node.op:
        case Scores():
            shape = network.values[node.name].shape
            return scored(f"position * {shape.channels}" if shape.positions > 1 else "")
        case Rescale():
            assert step.layer is not None
            return f"const int32_t z{number} = {_rescaled(node.op, number, step.layer.dense.reaches)};\n"
        case TwoSlope():
            return _bent(node.op, number, plan.numbers[source], cast(Feature, network.values[source]))
        case Threshold():
            value = network.values[source]
            if isinstance(value, Integer):
                element, reaches = "sum", value.high
            else:
                element, reaches = f"z{plan.numbers[source]}", (reached(cast(Feature, value)),) * len(network.served)
            residual = signed(most_residual(node.op, reaches))
            row_words = words(network.values[node.name].shape.channels)
            return encoded(node.op, element, residual, network.levels, row_words, f"_{number}")
    return f"const int32_t z{number} = {_added(plan, node)};\n"


def _rescaled(op: Rescale, number: int, reaches: Sequence[int]) -> str:
    """A feature of a sum."""
    kind = sloped_type(op, reaches) if op.shift < 32 else "int64_t"
    scale = f"scale_{number}[row]" if kind == "int32_t" else f"({kind})scale_{number}[row]"
    sloped = f"{scale} * (2 * sum - *reach) + bias_{number}[row]"
    return _whole(f"floored{kind[3:5]}({sloped}, {op.shift})", kind)


def _bent(op: TwoSlope, number: int, source: int, read: Feature) -> str:
    """A feature bent where it is negative."""
    kind = signed(most_bent(op, reached(read)))
    z = f"z{source}" if kind == "int32_t" else f"({kind})z{source}"
    half = f" + {rounding(op.shift)}" if op.shift else ""
    bent = f"slope_{number}[row] * y{number}{half}"
    bent = f"floored{kind[3:5]}({bent}, {op.shift})" if op.shift else bent
    moved = _whole(f"(y{number} < 0 ? {bent} : y{number}) + after_{number}[row]", kind)
    return f"const {kind} y{number} = {z} + before_{number}[row];\nconst int32_t z{number} = {moved};\n"


def _added(plan: Graph, node: Node[Op]) -> str:
    """The sum of features in the finest of their units."""
    names = plan.network.sources(node)
    features = [cast(Feature, plan.network.values[name]) for name in names]
    shifts = shifts_to_finest(features)
    most = sum(reached(feature) << shift for feature, shift in zip(features, shifts, strict=True))
    most = max(most, 1 << max(shifts))
    if most >= 1 << 63:
        raise OptionError(
            f"{plan.network.name}, {node.name}: adds features whose units are 2^{max(shifts)} apart, which takes more "
            "than the 64 bits of a number in C; use --target rtl"
        )
    kind = signed(most)
    terms = (
        ("" if kind == "int32_t" else f"({kind})") + f"z{plan.numbers[name]}" + (f" * {1 << shift}" if shift else "")
        for name, shift in zip(names, shifts, strict=True)
    )
    return _whole(" + ".join(terms), kind)


def _whole(number: str, kind: str) -> str:
    """A number of a type that fits int32_t."""
    return number if kind == "int32_t" else f"(int32_t)({number})"


def _kept(plan: Graph, node: Node[Op]) -> str:
    """A feature into the map that other steps read."""
    value = plan.network.values[node.name]
    if node.name not in plan.buffers or not isinstance(value, Feature):
        return ""
    kind, z = kept_type(value), f"z{plan.numbers[node.name]}"
    return f"{feature_here(plan, node.name)} = {z if kind == 'int32_t' else f'({kind}){z}'};\n"
