"""One function of C for each layer: a row of windows, or the one window of a dense layer."""

from string import Template
from textwrap import indent

from rebnet.generate.c.plan import Layer, Plan
from rebnet.generate.c.tables import Table
from rebnet.ir.notation import ConvText, DenseText, PoolText
from rebnet.ir.ops import Conv, Scores

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

_DENSE_PIXELS = Template("""\
clear(memory->window, $window_words);
for (int sample = 0; sample < $columns; sample++)
    append_sample(memory->window, $column_words, sample, image[sample], $planes);
""")

_DENSE_CODES = Template("""\
clear(memory->window, $window_words);
for (int pixel = 0; pixel < $pixels; pixel++)
    append(memory->window, $column_words, pixel * $channels, memory->map$n + pixel * $pixel_words, $channels, levels);
""")

_CONV = Template("""\
clear(memory->window, $window_words);
for (int ky = 0; ky < $kernel; ky++) {
    const int in_y = $in_y;
$skip_y\
    for (int kx = 0; kx < $kernel; kx++) {
        const int in_x = $in_x;
$skip_x\
$pixel\
    }
}
""")

_CONV_PIXEL = Template("""\
for (int channel = 0; channel < $channels; channel++)
    append_sample(memory->window, $column_words, (ky * $kernel + kx) * $channels + channel,
                  image[(in_y * $width + in_x) * $channels + channel], $planes);
""")

_CONV_CODE = Template("""\
append(memory->window, $column_words, (ky * $kernel + kx) * $channels,
       memory->map$n + ($ring_y * $width + in_x) * $pixel_words, $channels, levels);
""")

_SUM = Template("""\
for (int row = 0; row < $rows; row++, weights += $column_words) {
    int32_t sum = 0; /* A */
    for (int plane = 0; plane < $planes; plane++)
        sum += gains[plane] * ($columns - differing(weights, memory->window + plane * $column_words, $column_words));
$tail}
""")

_ENCODE = Template("""\
    $residual residual = $sum - thresholds[row];
    for (int plane = 0; plane < levels; plane++) {
        const uint32_t bit = (uint32_t)(residual >= 0);
        code[plane * $row_words + row / 32] |= bit << (row % 32);
$step    }
""")

_STEP = """\
        if (plane + 1 < levels) {
            residual = bit ? residual - *steps : residual + *steps;
            steps++;
        }
"""

_POOL = Template("""\
for (int pool_y = out_y / $stride; pool_y >= 0 && out_y < pool_y * $stride + $kernel; pool_y--) {
    for (int pool_x = out_x / $stride; pool_x >= 0 && out_x < pool_x * $stride + $kernel; pool_x--) {
        if (pool_y >= $height || pool_x >= $width) continue;
        uint32_t *best = memory->map$next + ($ring_y * $width + pool_x) * $pixel_words;
        if (out_y == pool_y * $stride && out_x == pool_x * $stride)
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
    window = _constants(plan, layer, tables) + _gather(plan, layer) + _sums(plan, layer, residual)
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
    dense = layer.dense
    text = str(ConvText(layer.rows, window=dense.window) if isinstance(dense, Conv) else DenseText(layer.rows))
    pool = "" if layer.pool is None else f" - {PoolText(layer.pool)}"
    before = f"{layer.height}x{layer.width}x{layer.channels}"
    behind = "x".join(map(str, (*layer.output, layer.rows)))
    end = " scores" if isinstance(layer.tail, Scores) else ""
    return f"{layer.name}: {before} - {text}{pool} - {behind}{end}"


def _constants(plan: Plan, layer: Layer, tables: tuple[Table, ...]) -> str:
    """Pointers to the constants of this image's levels; those of m levels stand behind those of fewer."""
    n, rows = layer.number, layer.rows
    sizes = {"weights": "", "gains": layer.planes, "reach": 1}
    lines = []
    for table in tables:
        kind = table.name.removesuffix(str(n))
        offset = (
            "" if kind == "weights" or len(plan.network.served) == 1 else f" + (levels - 1) * {sizes.get(kind, rows)}"
        )
        if kind == "steps" and offset:
            offset = f" + (levels - 1) * (levels - 2) / 2 * {rows}"
        lines.append(f"const {table.c_type} *{kind} = {table.name}{offset};\n")
    return "".join(lines)


def _gather(plan: Plan, layer: Layer) -> str:
    """The window's bits, plane by plane, into memory->window."""
    values = {
        "n": layer.number,
        "planes": layer.planes,
        "window_words": layer.planes * layer.column_words if layer.first else f"levels * {layer.column_words}",
        "columns": layer.columns,
        "column_words": layer.column_words,
        "channels": layer.channels,
        "pixels": layer.height * layer.width,
        "pixel_words": plan.network.levels * layer.channel_words,
        "kernel": layer.kernel[0],
        "width": layer.width,
    }
    if not isinstance(layer.dense, Conv):
        return (_DENSE_PIXELS if layer.first else _DENSE_CODES).substitute(values)
    pixel = (
        _CONV_PIXEL.substitute(values)
        if layer.first
        else _CONV_CODE.substitute(values, ring_y=_ring_row(plan, layer, "in_y"))
    )
    (top, left), padded = layer.padding, layer.dense.window.same
    return _CONV.substitute(
        values,
        in_y=_position("out_y", layer.stride, "ky", top),
        in_x=_position("out_x", layer.stride, "kx", left),
        skip_y=f"    if (in_y < 0 || in_y >= {layer.height}) continue;\n" if padded else "",
        skip_x=f"        if (in_x < 0 || in_x >= {layer.width}) continue;\n" if padded else "",
        pixel=indent(pixel, "        "),
    )


def _position(window: str, stride: int, offset: str, pad: int) -> str:
    scaled = window if stride == 1 else f"{window} * {stride}"
    return f"{scaled} + {offset}" + (f" - {pad}" if pad else "")


def _ring_row(plan: Plan, layer: Layer, row: str) -> str:
    """Where row `row` of the layer's input stands in memory."""
    ring = plan.rings[layer.number]
    return row if ring == layer.height else f"{row} % {ring}"


def _sums(plan: Plan, layer: Layer, residual: str) -> str:
    """The accumulators of the window, encoded or as scores."""
    sizes = {
        "rows": layer.rows,
        "columns": layer.columns,
        "column_words": layer.column_words,
        "row_words": layer.row_words,
        "planes": layer.planes if layer.first else "levels",
    }
    if isinstance(layer.tail, Scores):
        return _SUM.substitute(sizes, tail="    scores[row] = (score)scale[row] * (2 * sum - *reach) + bias[row];\n")
    total = "sum" if residual == "int32_t" else f"({residual})sum"
    total += f" * {1 << layer.tail.shift}" if layer.tail.shift else ""
    step = _STEP if plan.network.levels > 1 else ""
    tail = _ENCODE.substitute(sizes, residual=residual, sum=total, step=step)
    target = "memory->pixel" if layer.pool else f"memory->map{plan.readers[layer.name].number}{_place(plan, layer)}"
    code = f"uint32_t *code = {target};\nclear(code, levels * {layer.row_words});\n"
    return code + _SUM.substitute(sizes, tail=tail)


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
    following = plan.readers[layer.name]
    return _POOL.substitute(
        next=following.number,
        stride=layer.pool.stride,
        kernel=layer.pool.kernel,
        height=following.height,
        width=following.width,
        ring_y=_ring_row(plan, following, "pool_y"),
        row_words=layer.row_words,
        pixel_words=plan.network.levels * layer.row_words,
    )


def _push(plan: Plan, layer: Layer) -> str:
    """The windows of the next convolution that the finished row completes."""
    following = plan.readers.get(layer.name)
    if following is None or not following.pushed:
        return ""
    row = "pool_y" if layer.pool else "out_y" if isinstance(layer.dense, Conv) else "0"
    push = _PUSH.substitute(
        windows=following.windows[0],
        stride=following.stride,
        kernel=following.kernel[0],
        pad=following.padding[0],
        height=following.height,
        row=row,
        next_number=following.number,
    )
    if layer.pool is None:
        return push
    return _POOLED_PUSH.substitute(last=layer.pool.kernel - 1, stride=layer.pool.stride, push=indent(push, "    "))
