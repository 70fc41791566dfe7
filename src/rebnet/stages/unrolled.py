"""`unrolled`: a layer whose weights are wires, and what a layer must be for that."""

from rebnet.errors import FoldingError
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding

WIRES = "wires"
"""The weight style of an unrolled layer."""
MOST_COLUMNS, MOST_WEIGHTS = 1024, 65_536
"""Of a layer that is unrolled: inputs, and weights, each of which is a bit of text."""


def check_unrolled(network: Network, layer: str, folding: Folding, planes_in: int) -> None:
    """Raise `FoldingError` for a layer that cannot be unrolled, or not with this folding.

    Args:
        network: the network.
        layer: name of the layer.
        folding: what it was given.
        planes_in: bit planes of its input.
    """
    op = network.layer(layer)
    rows, columns = op.weights.rows, op.weights.columns
    whole = Folding(rows, columns, planes_in)
    lanes = folding.level_lanes or (planes_in if planes_in == 1 else 1)
    fault = None
    if len(network.served) > 1:
        fault = (
            f"the network serves {len(network.served)} level counts, and wires are one network's; compile with "
            "--fixed-levels"
        )
    elif len(op.weights.gains) > 1:
        fault = f"its weights have {len(op.weights.gains)} planes, and wires have one; give it another weight style"
    elif op.group_count > 1:
        fault = f"it is in {op.group_count} groups; give it another weight style"
    elif columns > MOST_COLUMNS or rows * columns > MOST_WEIGHTS:
        fault = (
            f"it has {rows:,} rows of {columns:,} inputs; wires go up to {MOST_COLUMNS:,} inputs and "
            f"{MOST_WEIGHTS:,} weights: give it another weight style"
        )
    elif (folding.pe, folding.simd, lanes) != (rows, columns, planes_in):
        fault = f"folding {folding} reads no whole vector a cycle; use {whole}"
    if fault is not None:
        raise FoldingError(f"layer {layer}: cannot be unrolled: {fault}")
