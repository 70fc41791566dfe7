"""Which foldings a layer can have, whatever it is part of."""

from rebnet.errors import FoldingError
from rebnet.ir.architecture import MAX_LEVELS, Folding
from rebnet.ir.bounds import pe_fault


def check_folding(place: str, folding: Folding, inputs: int, planes: int = 1, rows: int = 1, groups: int = 1) -> None:
    """Raise `FoldingError` unless a layer of `inputs` inputs an output can have this folding.

    `planes` are those of its weights, `rows` and `groups` its outputs and the groups that they are in.
    """
    if folding.pe < 1:
        raise FoldingError(f"{place}: PE={folding.pe}; use at least 1")
    if folding.simd < 1:
        raise FoldingError(f"{place}: SIMD={folding.simd}; use 1 to {inputs}")
    if folding.simd > inputs:
        raise FoldingError(f"{place}: SIMD={folding.simd} is more than the layer's {inputs} inputs; use 1 to {inputs}")
    fault = pe_fault(rows, groups, folding.pe)
    if fault is not None:
        raise FoldingError(f"{place}: {fault}")
    lanes = folding.level_lanes
    if lanes is not None and not 1 <= lanes <= MAX_LEVELS:
        raise FoldingError(f"{place}: LEVEL_LANES={lanes}; use 1 to {MAX_LEVELS}")
    if folding.plane_lanes is not None and lanes is None:
        raise FoldingError(f"{place}: PLANE_LANES={folding.plane_lanes} without level lanes; give both")
    if folding.plane_lanes is not None and not 1 <= folding.plane_lanes <= planes:
        raise FoldingError(
            f"{place}: PLANE_LANES={folding.plane_lanes}; its weights have {planes} plane{'s' * (planes > 1)}, "
            f"use 1 to {planes}"
        )
