"""Which folding each layer gets: the network text's own, a file's, or a balanced one."""

import math
from pathlib import Path

from rebnet.errors import FoldingError
from rebnet.ir.bounds import folding_fault
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense, Network
from rebnet.rtl.accelerator import layers_of, vectors_of
from rebnet.rtl.folding import read_foldings

NAMES = ("paper", "balanced")
"""Foldings by name; any other is the path of a file."""


def choose(network: Network, folding: str | None, target_cycles: int | None) -> tuple[Folding, ...]:
    """The folding of every layer.

    Args:
        network: a network; its dense layers carry the foldings of the text, where it gave any.
        folding: "paper" (the text's, all layers must have one), "balanced", the path of a folding.json, or
            None: the text's where given, else balanced.
        target_cycles: most cycles per image that a balanced layer may take at M levels.

    Raises:
        FoldingError: paper folding of a text without, a target that no folding reaches, or an unknown name.
        FileFormatError: the file is no folding record.
    """
    if target_cycles is not None and target_cycles < 1:
        raise FoldingError(f"target_cycles={target_cycles}; use at least 1")
    chosen = _choose(network, folding, target_cycles)
    for dense, own in zip(network.dense, chosen, strict=True):
        columns = dense.weights.columns
        fault = folding_fault(dense.weights.rows, columns, own.pe, own.simd, own.level_lanes or 1)
        if fault is not None:
            raise FoldingError(f"layer {dense.name}: folding {own} {fault}")
    return chosen


def _choose(network: Network, folding: str | None, target_cycles: int | None) -> tuple[Folding, ...]:
    if folding == "balanced" or (folding is None and any(dense.folding is None for dense in network.dense)):
        return _balanced(network, folding is None, target_cycles)
    if target_cycles is not None:
        source = "the network text" if folding is None else f"folding {folding!r}"
        raise FoldingError(
            f"target_cycles={target_cycles}: {source} gives every layer its folding and leaves nothing to choose; "
            "use --folding balanced, or leave the target out"
        )
    if folding in (None, "paper"):
        return _paper(network)
    path = Path(str(folding))
    if not path.is_file():
        raise FoldingError(f"folding {folding!r}: neither 'paper' nor 'balanced' nor a folding.json that exists")
    return read_foldings(path, network)


def _paper(network: Network) -> tuple[Folding, ...]:
    foldings = tuple(dense.folding for dense in network.dense if dense.folding is not None)
    if len(foldings) < len(network.dense):
        open_layers = ", ".join(dense.name for dense in network.dense if dense.folding is None)
        raise FoldingError(
            f"folding 'paper': the network text gives {open_layers} no (PE,SIMD); write them into the text "
            "or use 'balanced'"
        )
    return foldings


def _balanced(network: Network, keep_given: bool, target_cycles: int | None) -> tuple[Folding, ...]:
    target = target_cycles or default_target(network)
    foldings = []
    for dense, passes in zip(network.dense, _passes(network), strict=True):
        if keep_given and dense.folding is not None:
            foldings.append(dense.folding)
            continue
        lanes = dense.folding.level_lanes if dense.folding else None
        foldings.append(_cheapest(dense, passes, lanes, target))
    return tuple(foldings)


def _passes(network: Network) -> list[int]:
    """The fewest cycles of each layer: one for each vector of an image and group of level lanes."""
    passes = []
    for index, (dense, vectors) in enumerate(zip(network.dense, vectors_of(network), strict=True)):
        lanes = dense.folding.level_lanes if dense.folding else None
        groups = math.ceil((network.levels if index else network.input.bits) / (lanes or (1 if index else 8)))
        passes.append(groups * vectors)
    return passes


def default_target(network: Network) -> int:
    """Cycles of the slowest layer at the text's folding; without one, a cycle per sample, or the least there is."""
    given = [dense.folding for dense in network.dense]
    if any(folding is None for folding in given):
        return max(network.input.samples, *_passes(network))
    layers = layers_of(network, tuple(folding for folding in given if folding is not None))
    return max(layer.cycles(network.levels) for layer in layers)


def _cheapest(dense: Dense, passes: int, lanes: int | None, target: int) -> Folding:
    """The fewest XNOR lanes, PE·SIMD, whose cycles reach the target; among equals the fewest PE.

    `passes` is the number of times that an image's vectors pass: vectors times groups of level lanes.
    """
    rows, columns = dense.weights.rows, dense.weights.columns
    best: Folding | None = None
    for chunks in range(1, columns + 1):
        simd = math.ceil(columns / chunks)
        folds = target // (math.ceil(columns / simd) * passes)
        if folds == 0:
            break
        pe = math.ceil(rows / folds)
        if best is None or (pe * simd, pe) < (best.pe * best.simd, best.pe):
            best = Folding(pe, simd, lanes)
    if best is None:
        raise FoldingError(
            f"layer {dense.name}: no folding takes at most {target} cycles per image, the fastest takes {passes}; "
            "raise --target-cycles or give the layer more level lanes"
        )
    return best
