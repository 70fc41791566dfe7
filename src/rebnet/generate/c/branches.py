"""A network with branches as C: a function for each step, which run one after the other."""

from rebnet.generate.c.graph import SIZES, Graph, Step, kept_type
from rebnet.generate.c.maps import MEMBERS
from rebnet.generate.c.program import Program
from rebnet.generate.c.steps import step_function, step_lines, step_tables
from rebnet.generate.c.tables import pixel_tables, score_type
from rebnet.ir.ops import Scores
from rebnet.ir.text import network_text
from rebnet.ir.values import Feature

_NOTE = """\
 *
 * Functions run one after the other. What one makes and another reads stands in memory->maps until the last of these is
 * done. Every operation below has a number; names of its constants and values end in it.
"""

_FEATURES = """\
 *
 * Features are whole numbers, z = floor((A_c*(2*A - R) + B_c)/2^s) of a layer's sums, and what adds, joins and pools
 * make of these. A code of a feature is like that of a sum, with z in the place of A.
"""


def branches_program(plan: Graph, name: str) -> Program:
    """The pieces of C of a network with branches; `name` is what its names begin with."""
    network = plan.network
    image = network.input
    layers = plan.layers
    return Program(
        network=network,
        text=network_text(network)
        if network.is_chain
        else f"{image.height}x{image.width}x{image.channels} - "
        f"{len(layers)} layers in branches - {network.layers[-1].op.text()}",
        note=_NOTE + (_FEATURES if any(isinstance(value, Feature) for value in network.values.values()) else ""),
        lines=tuple(f"run{step.number}: {step_lines(plan, step)[0]}" for step in plan.steps),
        score=score_type(next(layer for layer in layers if isinstance(layer.tail, Scores))),
        members=(f"uint32_t window[{plan.window_words}];\n", _maps(plan)),
        memory_bytes=plan.memory_bytes,
        tables=(*pixel_tables(network.input), *(table for step in plan.steps for table in step_tables(plan, step))),
        prototypes=(),
        functions=tuple(step_function(plan, step, name) for step in plan.steps),
        calls=tuple(_call(step) for step in plan.steps),
    )


def _maps(plan: Graph) -> str:
    """The arena, as arrays of all types that stand in it."""
    values = (plan.network.values[name] for name in plan.buffers)
    kinds = {"uint32_t", *(kept_type(value) for value in values if isinstance(value, Feature))}
    arrays = (
        f"    {kind} {member}[{plan.arena_words * 4 // SIZES.get(kind, 4)}];\n"
        for kind, member in MEMBERS.items()
        if kind in kinds
    )
    return f"union {{\n{''.join(arrays)}}} maps;\n"


def _call(step: Step) -> str:
    image = "image, " if step.layer is not None and step.layer.first else ""
    return f"run{step.number}({image}memory, levels{', scores' if step.scores else ''});"
