"""Which folding each layer gets: the network text's own, a file's, or a balanced one."""

import math
from dataclasses import replace
from pathlib import Path

from rebnet.errors import FoldingError
from rebnet.ir.bounds import folding_fault
from rebnet.ir.network import Network, Node
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense
from rebnet.stages.accelerator import layers_of
from rebnet.stages.folding import read_foldings
from rebnet.stages.places import Place, places_of

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
    for layer, own in zip(network.layers, chosen, strict=True):
        rows, columns = layer.op.weights.rows, layer.op.weights.columns
        planes = len(layer.op.weights.gains)
        fault = folding_fault(rows, columns, own.pe, own.simd, own.level_lanes or 1, planes, own.plane_lanes or 1)
        if fault is not None:
            raise FoldingError(f"layer {layer.name}: folding {own} {fault}")
    return chosen


def _choose(network: Network, folding: str | None, target_cycles: int | None) -> tuple[Folding, ...]:
    if folding == "balanced" or (folding is None and any(layer.op.folding is None for layer in network.layers)):
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
    foldings = tuple(layer.op.folding for layer in network.layers if layer.op.folding is not None)
    if len(foldings) < len(network.layers):
        open_layers = ", ".join(layer.name for layer in network.layers if layer.op.folding is None)
        raise FoldingError(
            f"folding 'paper': the network text gives {open_layers} no (PE,SIMD); write them into the text "
            "or use 'balanced'"
        )
    return foldings


def _balanced(network: Network, keep_given: bool, target_cycles: int | None) -> tuple[Folding, ...]:
    target = target_cycles or default_target(network)
    places, foldings = _layer_places(network), []
    for layer in network.layers:
        given = layer.op.folding
        if keep_given and given is not None:
            foldings.append(given)
            continue
        foldings.append(_cheapest(layer, _passes(places[layer.name], given), given, target))
    return tuple(foldings)


def _passes(place: Place, given: Folding | None) -> int:
    """The fewest cycles of a layer: one for each vector of an image and group of lanes."""
    unit = place.folded(_lanes(given, 1, 1))
    return unit.vectors * unit.groups_max


def _layer_places(network: Network) -> dict[str, Place]:
    places = (place for place in places_of(network) if isinstance(place, Place))
    return {place.name: place for place in places if place.layer is not None}


def default_target(network: Network) -> int:
    """Cycles of the slowest layer at the text's folding; without one, a cycle per sample, or the least there is."""
    given = [layer.op.folding for layer in network.layers]
    if any(folding is None for folding in given):
        places = _layer_places(network)
        return max(network.input.samples, *(_passes(places[layer.name], layer.op.folding) for layer in network.layers))
    layers = layers_of(network, tuple(folding for folding in given if folding is not None))
    return max(layer.cycles(network.levels) for layer in layers)


def _lanes(given: Folding | None, pe: int, simd: int) -> Folding:
    """A folding with the lanes of levels and of planes that are given."""
    return Folding(pe, simd) if given is None else replace(given, pe=pe, simd=simd)


def _cheapest(layer: Node[Dense], passes: int, given: Folding | None, target: int) -> Folding:
    """The fewest XNOR lanes, PE·SIMD, whose cycles reach the target; among equals the fewest PE.

    `passes` is the number of times that an image's vectors pass: vectors times groups of lanes.
    """
    rows, columns = layer.op.weights.rows, layer.op.weights.columns
    best: Folding | None = None
    for chunks in range(1, columns + 1):
        simd = math.ceil(columns / chunks)
        folds = target // (math.ceil(columns / simd) * passes)
        if folds == 0:
            break
        pe = math.ceil(rows / folds)
        if best is None or (pe * simd, pe) < (best.pe * best.simd, best.pe):
            best = _lanes(given, pe, simd)
    if best is None:
        raise FoldingError(
            f"layer {layer.name}: no folding takes at most {target} cycles per image, the fastest takes {passes}; "
            "raise --target-cycles or give the layer more level lanes"
        )
    return best
