"""What steps without weights begin with, in C: pools, larger maps and joins, of features and of codes."""

from string import Template

from rebnet.generate.c.graph import Graph
from rebnet.generate.c.maps import (
    cleared_code,
    code_at,
    feature_at,
    feature_here,
    first_code,
    off_the_map,
    pooled_pixel,
    repeated_pixel,
)
from rebnet.generate.c.plan import words
from rebnet.ir.features import DepthToSpace, SumPool, Upsample
from rebnet.ir.network import Node
from rebnet.ir.ops import MaxPool, Op
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window

_SUM = Template("""\
int32_t $z = 0;
for (int ky = 0; ky < $rows; ky++)
    for (int kx = 0; kx < $columns; kx++)
        $z += $element;
""")

_MAP_SUM = Template("""\
int32_t $z = 0;
for (int place = 0; place < $positions; place++)
    $z += $element;
""")

_MAX = Template("""\
int32_t $z = INT32_MIN;
for (int ky = 0; ky < $rows; ky++) {
    for (int kx = 0; kx < $columns; kx++) {
$skip\
        const int32_t other = $element;
        if (other > $z) $z = other;
    }
}
""")

_CODE_MAX = Template("""\
uint32_t *best = $best;
${begin}\
for (int ky = 0; ky < $rows; ky++) {
    for (int kx = 0; kx < $columns; kx++) {
$skip\
        const uint32_t *code = $code;
        if ($first)
            memcpy(best, code, sizeof(uint32_t) * (size_t)levels * $row_words);
        else
            larger(best, code, levels, $row_words);
    }
}
""")


_CODE_COPY = Template("""\
memcpy($to, $code, sizeof(uint32_t) * (size_t)levels * $row_words);
""")


_CODE_PARTS = Template("""\
${cleared}const uint32_t *whole = $whole;
for (int level = 0; level < levels; level++)
    for (int row = 0; row < $channels; row++) {
        const int bit = row * $area + $part;
        const uint32_t word = whole[level * $whole_words + bit / 32];
        code[level * $row_words + row / 32] |= (word >> (bit % 32) & 1u) << (row % 32);
    }
""")


def feature_head(plan: Graph, head: Node[Op]) -> str:
    """An element of a pool, of a larger map or of a join of features: z and its number."""
    network, z = plan.network, f"z{plan.numbers[head.name]}"
    sources = network.sources(head)
    source, shape = sources[0], network.values[sources[0]].shape
    match head.op:
        case SumPool(window=None):
            element = feature_at(plan, source, f"place * {shape.channels} + row")
            return _MAP_SUM.substitute(z=z, positions=shape.positions, element=element)
        case SumPool(window=Window() as window):
            template = _SUM
        case MaxPool(window=window):
            template = _MAX
        case Upsample(factors=factors):
            element = feature_at(plan, source, f"{repeated_pixel(plan, source, factors)} * {shape.channels} + row")
            return f"const int32_t {z} = {element};\n"
        case DepthToSpace(block=block):
            pixel = repeated_pixel(plan, source, Factors(block, block))
            element = feature_at(plan, source, f"{pixel} * {shape.channels} + row * {block**2} + {_part(block)}")
            return f"const int32_t {z} = {element};\n"
        case _:
            return f"const int32_t {z} = {_joined(plan, sources)};\n"
    element = feature_at(plan, source, f"{pooled_pixel(plan, source, window)} * {shape.channels} + row")
    rows, columns = window.kernel
    return template.substitute(z=z, rows=rows, columns=columns, element=element, skip=_skip(plan, source, window))


def _part(block: int) -> str:
    """Which of the channels that become one belongs to this pixel."""
    return f"(out_y % {block} * {block} + out_x % {block})"


def code_head(plan: Graph, head: Node[Op]) -> str:
    """A pixel of a pool, of a larger map or of a join of codes."""
    values, sources = plan.network.values, plan.network.sources(head)
    row_words = words(values[head.name].shape.channels)
    if isinstance(head.op, MaxPool):
        window = head.op.window
        (rows, columns), pixel = window.kernel, pooled_pixel(plan, sources[0], window)
        skip = _skip(plan, sources[0], window)
        return _CODE_MAX.substitute(
            best=code_at(plan, head.name),
            rows=rows,
            columns=columns,
            begin="int begun = 0;\n" if skip else "",
            first="!begun++" if skip else "ky + kx == 0",
            skip=skip,
            code=f"{first_code(plan, sources[0])} + {pixel} * {plan.network.levels * row_words}",
            row_words=row_words,
        )
    if isinstance(head.op, Upsample):
        pixel = repeated_pixel(plan, sources[0], head.op.factors)
        return _CODE_COPY.substitute(
            to=code_at(plan, head.name),
            code=f"{first_code(plan, sources[0])} + {pixel} * {plan.network.levels * row_words}",
            row_words=row_words,
        )
    if isinstance(head.op, DepthToSpace):
        block, channels = head.op.block, values[sources[0]].shape.channels
        pixel = repeated_pixel(plan, sources[0], Factors(block, block))
        return _CODE_PARTS.substitute(
            cleared=cleared_code(plan, "code", head.name),
            whole=f"{first_code(plan, sources[0])} + {pixel} * {plan.network.levels * words(channels)}",
            part=_part(block),
            channels=values[head.name].shape.channels,
            area=block**2,
            row_words=row_words,
            whole_words=words(channels),
        )
    lines, channel = [cleared_code(plan, "code", head.name)], 0
    for source in sources:
        channels = values[source].shape.channels
        lines.append(f"append(code, {row_words}, {channel}, {code_at(plan, source)}, {channels}, levels);\n")
        channel += channels
    return "".join(lines)


def _skip(plan: Graph, source: str, window: Window) -> str:
    off = off_the_map(plan, source, window)
    return f"        if ({off}) continue;\n" if off else ""


def _joined(plan: Graph, sources: tuple[str, ...]) -> str:
    """The element of `row` of maps whose channels stand one behind the other."""
    cases, channel = [], 0
    for source in sources:
        here = feature_here(plan, source, f"row - {channel}" if channel else "row")
        channel += plan.network.values[source].shape.channels
        cases.append((channel, here))
    chosen = (f"row < {end} ? {here} : " for end, here in cases[:-1])
    return "".join(chosen) + cases[-1][1]
