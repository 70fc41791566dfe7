"""What C does with the elements of a pixel: sums of a window, encoded or as scores.

Constants are read through pointers to the set of the image's levels. `suffix` goes behind their names, and those of
what they make, where a function has several of a kind.
"""

from collections.abc import Sequence
from string import Template
from textwrap import indent

from rebnet.generate.c.plan import Layer
from rebnet.generate.c.tables import Table
from rebnet.ir.ops import Threshold

_SHARED = ("weights", "weight_gains", "slope", "before", "after")
"""Tables that all levels share."""

_ROWS = Template("""\
for (int row = 0; row < $rows; row++, weights += $row_words) {
    int32_t sum = 0; /* A */
$planes\
$tail}
""")

_PLANES = Template("""\
    for (int plane = $first; plane < $last; plane++)
        sum += gains[plane] * ($columns - differing(weights, memory->window + $place, $column_words));
""")

_WEIGHT_PLANES = Template("""\
    for (int plane = $first; plane < $last; plane++) {
        int32_t part = 0; /* of all planes of the weights */
        for (int sign = 0; sign < $weight_planes; sign++)
            part += weight_gains[sign] * ($columns - differing(weights + sign * $column_words,
                                                               memory->window + plane * $column_words, $column_words));
        sum += gains[plane] * part;
    }
""")

_ENCODE = Template("""\
$residual residual$suffix = $number - thresholds$suffix[row];
for (int plane = 0; plane < levels; plane++) {
    const uint32_t bit = (uint32_t)(residual$suffix >= 0);
    code$suffix[plane * $row_words + row / 32] |= bit << (row % 32);
$step}
""")

_STEP = Template("""\
    if (plane + 1 < levels) {
        residual$suffix = bit ? residual$suffix - *steps$suffix : residual$suffix + *steps$suffix;
        steps$suffix++;
    }
""")


_STEP_OF_TREE = Template("""\
    so_far$suffix = 2 * so_far$suffix + bit;
    if (plane + 1 < levels) {
        const $residual step = step_tree$suffix[((uint32_t)2 << plane) - 2 + so_far$suffix];
        residual$suffix = bit ? residual$suffix - step : residual$suffix + step;
    }
""")


def pointers(tables: Sequence[Table], served: Sequence[int], planes: int, rows: int, suffix: str = "") -> str:
    """Pointers to the constants of this image's levels; those of m levels stand behind those of fewer."""
    sizes = {"gains": planes, "reach": 1}
    lines = []
    for table in tables:
        offset = ""
        if len(served) > 1 and table.kind == "steps":
            offset = f" + (levels - 1) * (levels - 2) / 2 * {rows}"
        elif len(served) > 1 and table.kind == "step_tree":
            offset = f" + ((1 << levels) - 2 * levels) * {rows}"
        elif len(served) > 1 and table.kind not in _SHARED:
            offset = f" + (levels - 1) * {sizes.get(table.kind, rows)}"
        lines.append(f"const {table.c_type} *{table.kind}{suffix} = {table.name}{offset};\n")
    return "".join(lines)


def summed_rows(layer: Layer, planes: Sequence[tuple[int, str]], tail: str) -> str:
    """`tail` for every row of a layer, behind A of its window.

    Args:
        layer: with the weights.
        planes: of the window that count, the first of a group and how many, in C.
        tail: statements that read `row` and `sum`.
    """
    sizes = {
        "rows": layer.rows,
        "columns": layer.columns,
        "column_words": layer.column_words,
        "weight_planes": layer.weight_planes,
        "row_words": layer.weight_planes * layer.column_words,
        "place": f"plane * {layer.window_words}"
        + (f" + row / {layer.rows // layer.groups} * {layer.column_words}" if layer.groups > 1 else ""),
    }
    counted = _WEIGHT_PLANES if layer.weight_planes > 1 else _PLANES
    groups = (
        counted.substitute(sizes, first=first, last=f"{first} + {count}" if first else count) for first, count in planes
    )
    return _ROWS.substitute(sizes, planes="".join(groups), tail=indent(tail, "    "))


def encoded(op: Threshold, number: str, residual: str, levels: int, row_words: int, suffix: str = "") -> str:
    """The code of a number, an accumulator or a feature, into code[]; the type `residual` holds all on the way."""
    scaled = number if residual == "int32_t" else f"({residual}){number}"
    scaled += f" * {1 << op.shift}" if op.shift else ""
    tree = op.tree and levels > 1
    step = (_STEP_OF_TREE if tree else _STEP).substitute(suffix=suffix, residual=residual) if levels > 1 else ""
    encode = _ENCODE.substitute(residual=residual, suffix=suffix, number=scaled, row_words=row_words, step=step)
    if not tree:
        return encode
    return f"uint32_t so_far{suffix} = 0;\n{encode}step_tree{suffix} += ((uint32_t)1 << levels) - 2;\n"


def scored(place: str = "") -> str:
    """The score of an accumulator; `place` is where those of its window begin, in C, where there are several."""
    row = f"{place} + row" if place else "row"
    return f"scores[{row}] = (score)scale[row] * (2 * sum - *reach) + bias[row];\n"
