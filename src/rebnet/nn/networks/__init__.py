"""Networks by name, each in a file that cites its table; and any other network by its text."""

from dataclasses import replace

from rebnet.errors import NotationError, OptionError
from rebnet.ir.notation import Architecture, LayerText, PoolText, check_size, parse
from rebnet.nn.networks import arch_1, arch_2, arch_3

NETWORKS = {"arch-1": arch_1.TEXT, "arch-2": arch_2.TEXT, "arch-3": arch_3.TEXT}
"""Network texts by name."""


def architecture(name_or_text: str) -> Architecture:
    """Read a network given by its name (`arch-1`) or by its text (`28x28x1 - D64 - D10`).

    Raises:
        NotationError: Neither a known name nor a legal text.
        FoldingError: A text with a folding that its layer cannot have.
    """
    name = name_or_text.strip()
    if name in NETWORKS:
        return parse(NETWORKS[name])
    if not name[:1].isdigit():
        raise NotationError(
            f"network {name!r}: not a known name; use one of {', '.join(sorted(NETWORKS))}, "
            "or a text such as '28x28x1 - D64 - D10'"
        )
    return parse(name)


def widen(architecture: Architecture, factor: float) -> Architecture:
    """Multiply the outputs of every hidden layer by `factor`, rounded to whole outputs; windows and pools stay.

    A layer keeps its folding; where it then has fewer inputs than its SIMD, the folding is left open.

    Raises:
        OptionError: `factor` is not positive, or leaves a layer without outputs.
        NotationError: the layers would be larger than any may be.
    """
    if not 0 < factor < float("inf"):
        raise OptionError(
            f"width={factor}: hidden layers are multiplied by it, so it must be above 0; 1 changes nothing"
        )
    last = architecture.layers[-1]
    wide = replace(architecture, layers=(*(_scaled(layer, factor) for layer in architecture.layers[:-1]), last))
    rows = [layer.rows for layer in wide.weighted]
    if 0 in rows:
        raise OptionError(f"width={factor}: layer {rows.index(0) + 1} would have no outputs; use a larger width")
    check_size(wide)
    return replace(wide, layers=tuple(_with_legal_folding(wide, index) for index in range(len(wide.layers))))


def _scaled(layer: LayerText, factor: float) -> LayerText:
    return layer if isinstance(layer, PoolText) else replace(layer, rows=round(layer.rows * factor))


def _with_legal_folding(architecture: Architecture, index: int) -> LayerText:
    layer = architecture.layers[index]
    if isinstance(layer, PoolText) or layer.folding is None or layer.folding.simd <= architecture.inputs_of(index):
        return layer
    return replace(layer, folding=None)
