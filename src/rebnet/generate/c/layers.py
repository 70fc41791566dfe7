"""One function of C for each layer: a row of windows, or the one window of a dense layer."""

from string import Template
from textwrap import indent

from rebnet.generate.c.elements import encoded, pointers, scored, summed_rows
from rebnet.generate.c.plan import Layer, Plan
from rebnet.generate.c.tables import Table
from rebnet.generate.c.windows import CodeMap, gather
from rebnet.ir.notation import PoolText
from rebnet.ir.ops import Conv, Scores, Threshold

_FUNCTION = Template("""\
/* $comment */
static void run$n($parameters)
{
$body}
""")

_ROW_OF_WINDOWS = Template("""\
for (int out_x = 0; out_x < $windows; out_x++) {
$body}
""")

_POOL = Template("""\
for (int pool_y = $y / $down; pool_y >= 0 && $y < pool_y * $down + $rows; pool_y--) {
    for (int pool_x = $x / $right; pool_x >= 0 && $x < pool_x * $right + $columns; pool_x--) {
        if (pool_y >= $height || pool_x >= $width) continue;
        uint32_t *best = memory->map$next + ($ring_y * $width + pool_x) * $pixel_words;
        if ($first_y && $first_x)
            memcpy(best, code, sizeof(uint32_t) * (size_t)levels * $row_words);
        else
            larger(best, code, levels, $row_words);
    }
}
""")

_PUSH = Template("""\
for (int next = 0; next < $windows; next++)
    if (last_row(next, $stride, $kernel, $pad, $height) == $row) run$next_number(memory, levels, next);
""")

_POOLED_PUSH = Template("""\
if (out_y >= $last && (out_y - $last) % $stride == 0) {
    const int pool_y = (out_y - $last) / $stride;
$push}
""")

_PADDED_PUSH = Template("""\
for (int pool_y = 0; pool_y < $pooled; pool_y++) {
    if (last_row(pool_y, $stride, $kernel, $pad, $height) != out_y) continue;
$push}
""")


def prototype(layer: Layer, name: str) -> str:
    """The parameters of a layer's function."""
    parameters = [f"{name}_memory *memory", "int levels"]
    if layer.first:
        parameters.insert(0, "const uint8_t *image")
    if isinstance(layer.tail, Scores):
        parameters.append(f"{name}_score *scores")
    if isinstance(layer.dense, Conv):
        parameters.append("int out_y")
    return ", ".join(parameters)


def layer_function(plan: Plan, layer: Layer, name: str, tables: tuple[Table, ...], residual: str) -> str:
    """The function of a layer, which hands its finished rows on to a convolution behind it."""
    window = (
        pointers(tables, plan.network.served, layer.planes, layer.rows)
        + _gather(plan, layer)
        + _sums(plan, layer, residual)
    )
    if isinstance(layer.dense, Conv):
        window += _pool(plan, layer)
        window = _ROW_OF_WINDOWS.substitute(windows=layer.windows[1], body=indent(window, "    "))
    body = window + _push(plan, layer)
    if "levels" not in body:
        body = "(void)levels;\n" + body
    return _FUNCTION.substitute(
        n=layer.number,
        comment=layer_text(layer),
        parameters=prototype(layer, name),
        body=indent(body, "    "),
    )


def layer_text(layer: Layer) -> str:
    """A layer in words of the notation, with the maps before and behind it."""
    pool = "" if layer.pool is None else f" - {PoolText(layer.pool)}"
    before = f"{layer.height}x{layer.width}x{layer.channels}"
    behind = "x".join(map(str, (*layer.output, layer.rows)))
    end = " scores" if isinstance(layer.tail, Scores) else ""
    return f"{layer.name}: {before} - {layer.dense.text()}{pool} - {behind}{end}"


def _gather(plan: Plan, layer: Layer) -> str:
    """The window's bits, plane by plane, into memory->window."""
    if layer.first:
        return gather(layer, layer.planes * layer.window_words)
    pixel_words = plan.network.levels * layer.channel_words
    code = CodeMap(f"memory->map{layer.number}", pixel_words, plan.rings[layer.number])
    return gather(layer, f"levels * {layer.window_words}", code)


def _ring_row(plan: Plan, layer: Layer, row: str) -> str:
    """Where row `row` of the layer's input stands in memory."""
    ring = plan.rings[layer.number]
    return row if ring == layer.height else f"{row} % {ring}"


def _sums(plan: Plan, layer: Layer, residual: str) -> str:
    """The accumulators of the window, encoded or as scores."""
    planes = ((0, str(layer.planes) if layer.first else "levels"),)
    if isinstance(layer.tail, Scores):
        return summed_rows(layer, planes, scored())
    assert isinstance(layer.tail, Threshold)
    tail = encoded(layer.tail, "sum", residual, plan.network.levels, layer.row_words)
    target = "memory->pixel" if layer.pool else f"memory->map{plan.readers[layer.name].number}{_place(plan, layer)}"
    code = f"uint32_t *code = {target};\nclear(code, levels * {layer.row_words});\n"
    return code + summed_rows(layer, planes, tail)


def _place(plan: Plan, layer: Layer) -> str:
    """Offset of the output pixel in the next layer's map."""
    if not isinstance(layer.dense, Conv):
        return ""
    following = plan.readers[layer.name]
    row = _ring_row(plan, following, "out_y")
    return f" + ({row} * {following.width} + out_x) * {plan.network.levels * layer.row_words}"


def _pool(plan: Plan, layer: Layer) -> str:
    """The output pixel into the pooled pixels that it belongs to."""
    if layer.pool is None:
        return ""
    following, pool = plan.readers[layer.name], layer.pool
    (top, left), (down, right), (rows, columns) = pool.before(*layer.windows), pool.stride, pool.kernel
    return _POOL.substitute(
        next=following.number,
        y=f"(out_y + {top})" if top else "out_y",
        x=f"(out_x + {left})" if left else "out_x",
        down=down,
        right=right,
        rows=rows,
        columns=columns,
        first_y=_begins("out_y", "pool_y", down, top),
        first_x=_begins("out_x", "pool_x", right, left),
        height=following.height,
        width=following.width,
        ring_y=_ring_row(plan, following, "pool_y"),
        row_words=layer.row_words,
        pixel_words=plan.network.levels * layer.row_words,
    )


def _begins(place: str, window: str, stride: int, pad: int) -> str:
    """Whether a place of the map is the first that a window reads of an axis, in C."""
    if not pad:
        return f"{place} == {window} * {stride}"
    return f"({place} == {window} * {stride} - {pad} || ({place} == 0 && {window} * {stride} < {pad}))"


def _push(plan: Plan, layer: Layer) -> str:
    """The windows of the next convolution that the finished row completes."""
    following = plan.readers.get(layer.name)
    if following is None or not following.pushed:
        return ""
    row = "pool_y" if layer.pool else "out_y" if isinstance(layer.dense, Conv) else "0"
    push = _PUSH.substitute(
        windows=following.windows[0],
        stride=following.stride[0],
        kernel=following.kernel[0],
        pad=following.padding[0],
        height=following.height,
        row=row,
        next_number=following.number,
    )
    if layer.pool is None:
        return push
    pool, push = layer.pool, indent(push, "    ")
    if not pool.padded:
        return _POOLED_PUSH.substitute(last=pool.kernel[0] - 1, stride=pool.stride[0], push=push)
    height, width = layer.windows
    return _PADDED_PUSH.substitute(
        pooled=layer.output[0],
        stride=pool.stride[0],
        kernel=pool.kernel[0],
        pad=pool.before(height, width)[0],
        height=height,
        push=push,
    )
