"""The bits of a window, plane by plane, into memory->window: of pixels, or of maps of codes."""

from dataclasses import dataclass
from string import Template
from textwrap import indent

from rebnet.generate.c.plan import Layer
from rebnet.ir.ops import Conv

_CLEAR = Template("clear(memory->window, $window_words);\n")

_DENSE_PIXELS = Template("""\
for (int sample = 0; sample < $columns; sample++)
    append_sample(memory->window, $column_words, sample, image[sample], $planes);
""")

_DENSE_CODE = Template("""\
for (int pixel = 0; pixel < $pixels; pixel++)
    append($window, $column_words, pixel * $channels, $code + pixel * $pixel_words, $channels, levels);
""")

_CONV = Template("""\
for (int ky = 0; ky < $kernel_y; ky++) {
    const int in_y = $in_y;
$skip_y\
    for (int kx = 0; kx < $kernel_x; kx++) {
        const int in_x = $in_x;
$skip_x\
$pixel\
    }
}
""")

_CONV_PIXEL = Template("""\
for (int channel = 0; channel < $channels; channel++)
    append_sample(memory->window, $column_words, (ky * $kernel_x + kx) * $channels + channel,
                  image[(in_y * $width + in_x) * $channels + channel], $planes);
""")

_CONV_CODE = Template("""\
append($window, $column_words, (ky * $kernel_x + kx) * $channels,
       $code + ($ring_y * $width + in_x) * $pixel_words, $channels, levels);
""")

_GROUP_PIXEL = Template("""\
for (int channel = 0; channel < $channels; channel++)
    append_sample(memory->window + channel / $own * $column_words, $plane_words,
                  (ky * $kernel_x + kx) * $own + channel % $own,
                  image[(in_y * $width + in_x) * $channels + channel], $planes);
""")

_GROUP_CODE = Template("""\
append_groups($window, $column_words, $groups, (ky * $kernel_x + kx) * $own,
              $code + ($ring_y * $width + in_x) * $pixel_words, $own, levels);
""")


@dataclass(frozen=True)
class CodeMap:
    """A map of codes in memory.

    Attributes:
        code: C of where its first word stands.
        pixel_words: words of a pixel, all planes.
        rows: that are kept of it, of all its height if it is not a ring.
        plane: of the window that its first plane becomes.
    """

    code: str
    pixel_words: int
    rows: int
    plane: int = 0


def gather(layer: Layer, window_words: int | str, *codes: CodeMap) -> str:
    """Statements that fill the window at out_y, out_x with `codes`, their planes one behind the other, or with pixels.

    Args:
        layer: whose window it is.
        window_words: words that are cleared before, in C.
        codes: what the layer reads; nothing where it reads pixels.
    """
    sizes = {
        "planes": layer.planes,
        "window_words": window_words,
        "columns": layer.columns,
        "column_words": layer.column_words,
        "plane_words": layer.window_words,
        "groups": layer.groups,
        "own": layer.channels // layer.groups,
        "channels": layer.channels,
        "pixels": layer.height * layer.width,
        "kernel_x": layer.kernel[1],
        "width": layer.width,
    }
    conv = isinstance(layer.dense, Conv)
    grouped = layer.groups > 1
    element = (_GROUP_CODE if grouped else _CONV_CODE) if conv else _DENSE_CODE
    pixel = "".join(element.substitute(sizes, **_names(layer, code)) for code in codes)
    if not codes:
        pixel = ((_GROUP_PIXEL if grouped else _CONV_PIXEL) if conv else _DENSE_PIXELS).substitute(sizes)
    return _CLEAR.substitute(sizes) + (_windowed(layer, pixel) if conv else pixel)


def _windowed(layer: Layer, pixel: str) -> str:
    """`pixel` for every pixel of a window that lies on the map."""
    (top, left), (down, right), padded = layer.padding, layer.stride, layer.padded
    return _CONV.substitute(
        kernel_y=layer.kernel[0],
        kernel_x=layer.kernel[1],
        in_y=position("out_y", down, "ky", top),
        in_x=position("out_x", right, "kx", left),
        skip_y=f"    if (in_y < 0 || in_y >= {layer.height}) continue;\n" if padded else "",
        skip_x=f"        if (in_x < 0 || in_x >= {layer.width}) continue;\n" if padded else "",
        pixel=indent(pixel, "        "),
    )


def _names(layer: Layer, code: CodeMap) -> dict[str, object]:
    """Where a map stands, and its planes of the window."""
    return {
        "window": f"memory->window + {code.plane * layer.window_words}" if code.plane else "memory->window",
        "code": code.code,
        "ring_y": "in_y" if code.rows == layer.height else f"in_y % {code.rows}",
        "pixel_words": code.pixel_words,
    }


def position(window: str, stride: int, offset: str, pad: int) -> str:
    """A row or a column of the map, in C, that element `offset` of a window reads."""
    scaled = window if stride == 1 else f"{window} * {stride}"
    return f"{scaled} + {offset}" + (f" - {pad}" if pad else "")
