"""How much wider one network is than another."""

from dataclasses import replace

from rebnet.ir.architecture import Architecture, DepthwiseText, LayerText, WeightedText, mapped


def scale(wide: Architecture, narrow: Architecture) -> float | None:
    """S, the factor on the outputs of every hidden layer, as `train --width` takes it; None where there is none.

    Outputs are rounded to whole numbers, so many factors give the same network: the one with the fewest decimals is
    meant.
    """
    if _form(wide) != _form(narrow):
        return None
    pairs = [(w.rows, n.rows) for w, n in zip(wide.weighted[:-1], narrow.weighted[:-1], strict=True)]
    if not pairs:
        return 1.0
    middle = sum(rows for rows, _ in pairs) / sum(rows for _, rows in pairs)
    for decimals in range(7):
        factor = round(middle, decimals)
        if factor > 0 and all(round(narrow_rows * factor) == rows for rows, narrow_rows in pairs):
            return factor
    return None


def _form(network: Architecture) -> Architecture:
    """All of a network but its foldings and the outputs of its hidden layers."""
    *hidden, last = network.without_folding().items
    return replace(network, items=(*mapped(hidden, _one_row), last))


def _one_row(layer: WeightedText) -> LayerText:
    if isinstance(layer, DepthwiseText):
        return layer
    return replace(layer, rows=1)
