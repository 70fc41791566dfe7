"""Where the maps of a network with branches stand in memory->maps, in C."""

from typing import cast

from rebnet.generate.c.graph import SIZES, Graph, kept_type
from rebnet.generate.c.plan import words
from rebnet.generate.c.windows import position
from rebnet.ir.values import Feature
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window

MEMBERS = {"uint32_t": "codes", "int8_t": "bytes", "int16_t": "halves", "int32_t": "wholes"}
"""The arrays that share the memory of maps, by the type of what stands in them."""


def first_code(plan: Graph, name: str) -> str:
    """Where a map of codes begins."""
    place = plan.buffers[name].place
    return "memory->maps.codes" + (f" + {place}" if place else "")


def code_at(plan: Graph, name: str) -> str:
    """Where the code of this pixel stands."""
    shape = plan.network.values[name].shape
    if shape.positions == 1:
        return first_code(plan, name)
    return f"{first_code(plan, name)} + position * {plan.network.levels * words(shape.channels)}"


def cleared_code(plan: Graph, pointer: str, name: str) -> str:
    """A pointer to the code of this pixel, which is 0 then."""
    row_words = words(plan.network.values[name].shape.channels)
    return f"uint32_t *{pointer} = {code_at(plan, name)};\nclear({pointer}, levels * {row_words});\n"


def feature_at(plan: Graph, name: str, index: str) -> str:
    """An element of a map of features."""
    kind = kept_type(cast(Feature, plan.network.values[name]))
    place = plan.buffers[name].place * 4 // SIZES[kind]
    return f"memory->maps.{MEMBERS[kind]}[{f'{place} + ' if place else ''}{index}]"


def feature_here(plan: Graph, name: str, row: str = "row") -> str:
    """The element of this pixel, and of this row where no other one is said."""
    shape = plan.network.values[name].shape
    return feature_at(plan, name, row if shape.positions == 1 else f"position * {shape.channels} + {row}")


def pooled_pixel(plan: Graph, source: str, window: Window) -> str:
    """The number of the pixel ky, kx of a pool's window."""
    shape = plan.network.values[source].shape
    top, left = window.before(shape.height, shape.width)
    y, x = position("out_y", window.stride[0], "ky", top), position("out_x", window.stride[1], "kx", left)
    return f"(({y}) * {shape.width} + {x})"


def off_the_map(plan: Graph, source: str, window: Window) -> str:
    """A condition in C: pixel ky, kx of a pool's window is padding; nothing where none ever is."""
    shape = plan.network.values[source].shape
    sides = zip("yx", window.stride, window.padding(*shape[:2]), shape[:2], strict=True)
    found = []
    for axis, stride, (first, last), size in sides:
        place = position(f"out_{axis}", stride, f"k{axis}", first)
        found += [f"{place} < 0"] if first else []
        found += [f"{place} >= {size}"] if last else []
    return " || ".join(found)


def repeated_pixel(plan: Graph, source: str, factors: Factors) -> str:
    """The number of the pixel that stands at this one of a larger map."""
    width = plan.network.values[source].shape.width
    y, x = (
        place if times == 1 else f"{place} / {times}"
        for place, times in (("out_y", factors.rows), ("out_x", factors.columns))
    )
    return f"({y} * {width} + {x})"
