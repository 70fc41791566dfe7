"""Networks by name, each in a file that cites its table; and any other network by its text."""

from dataclasses import replace

from rebnet.errors import NotationError, OptionError
from rebnet.ir.notation import Architecture, DenseText, parse
from rebnet.nn.networks import arch_1

NETWORKS = {"arch-1": arch_1.TEXT}
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
    """Multiply the outputs of every hidden layer by `factor`, rounded to whole outputs.

    A layer keeps its folding; where it then has fewer inputs than its SIMD, the folding is left open.

    Raises:
        OptionError: `factor` is not positive, or leaves a layer without outputs.
    """
    if not 0 < factor < float("inf"):
        raise OptionError(
            f"width={factor}: hidden layers are multiplied by it, so it must be above 0; 1 changes nothing"
        )
    rows = [round(layer.rows * factor) for layer in architecture.layers[:-1]] + [architecture.classes]
    if 0 in rows:
        raise OptionError(f"width={factor}: layer {rows.index(0) + 1} would have no outputs; use a larger width")
    wide = replace(architecture, layers=tuple(map(DenseText, rows)))
    return replace(wide, layers=tuple(_fold_like(architecture, wide, index) for index in range(len(rows))))


def _fold_like(source: Architecture, target: Architecture, index: int) -> DenseText:
    folding = source.layers[index].folding
    fits = folding is not None and folding.simd <= target.inputs_of(index)
    return DenseText(target.layers[index].rows, folding if fits else None)
