"""A chain as C: a function for each layer, which hands its finished rows on to the next one."""

from rebnet.generate.c.layers import layer_function, layer_text, prototype
from rebnet.generate.c.plan import Layer, Plan
from rebnet.generate.c.program import Program
from rebnet.generate.c.tables import layer_tables, pixel_tables, residual_type, score_type
from rebnet.ir.ops import Conv, Scores
from rebnet.ir.text import network_text


def chain_program(plan: Plan, name: str) -> Program:
    """The pieces of C of a chain; `name` is what its names begin with."""
    served = plan.network.served
    tables = {layer.number: layer_tables(layer, served) for layer in plan.layers}
    residual = residual_type(plan.layers)
    return Program(
        network=plan.network,
        text=network_text(plan.network),
        note="",
        lines=tuple(map(layer_text, plan.layers)),
        score=score_type(next(layer for layer in plan.layers if isinstance(layer.tail, Scores))),
        members=tuple(f"uint32_t {member}[{count}];\n" for member, count in plan.memory.items()),
        memory_bytes=plan.memory_bytes,
        tables=(*pixel_tables(plan.network.input), *(table for group in tables.values() for table in group)),
        prototypes=tuple(
            f"static void run{layer.number}({prototype(layer, name)});\n" for layer in plan.layers if layer.pushed
        ),
        functions=tuple(layer_function(plan, layer, name, tables[layer.number], residual) for layer in plan.layers),
        calls=tuple(_call(layer) for layer in plan.layers if not layer.pushed),
    )


def _call(layer: Layer) -> str:
    """The statement that runs a layer; convolutions on codes are called by the layer in front of them."""
    image = "image, " if layer.first else ""
    if isinstance(layer.dense, Conv):
        loop = f"for (int out_y = 0; out_y < {layer.windows[0]}; out_y++)"
        return f"{loop} run{layer.number}({image}memory, levels, out_y);"
    scores = ", scores" if isinstance(layer.tail, Scores) else ""
    return f"run{layer.number}({image}memory, levels{scores});"
