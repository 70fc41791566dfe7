"""Which folding each layer gets: the network text's own, a file's, or a balanced one."""

import math
from bisect import bisect_left
from dataclasses import replace
from pathlib import Path

from rebnet.errors import FoldingError
from rebnet.ir.bounds import folding_fault, pe_fault
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.stages.accelerator import layers_of
from rebnet.stages.folding import read_foldings
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Place, places_of

UNROLLED = "unrolled"
NAMES = ("paper", "balanced", UNROLLED)
"""Foldings by name; any other is the path of a file."""


def choose(network: Network, folding: str | None, target_cycles: int | None) -> tuple[Folding, ...]:
    """The folding of every layer.

    Args:
        network: a network; its dense layers carry the foldings of the text, where it gave any.
        folding: "paper" (the text's, all layers must have one), "balanced", "unrolled" (all of a layer at once), the
            path of a folding.json or of FINN's folding_config.json, or None: the text's where given, else balanced.
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
        fault = fault or pe_fault(rows, layer.op.group_count, own.pe)
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
    if folding == UNROLLED:
        return _whole(network)
    path = Path(str(folding))
    if not path.is_file():
        raise FoldingError(
            f"folding {folding!r}: neither 'paper' nor 'balanced' nor 'unrolled' nor a folding.json that exists"
        )
    return read_foldings(path, network)


def _whole(network: Network) -> tuple[Folding, ...]:
    """All rows, inputs and planes in parallel."""
    units = (_unit(place, None) for place in _layer_places(network).values())
    return tuple(Folding(unit.rows, unit.cols, unit.levels_in) for unit in units)


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
        foldings.append(_cheapest(_unit(places[layer.name], given), given, target))
    return tuple(foldings)


def _unit(place: Place, given: Folding | None) -> Mvtu:
    """The unit of a layer with one lane, but for the lanes of levels and of planes that are given."""
    return place.folded(_lanes(given, 1, 1))


def _layer_places(network: Network) -> dict[str, Place]:
    places = (place for place in places_of(network) if isinstance(place, Place))
    return {place.name: place for place in places if place.layer is not None}


def default_target(network: Network) -> int:
    """Cycles of the slowest layer at the text's folding; without one, a cycle per sample, or the least there is."""
    given = [layer.op.folding for layer in network.layers]
    if any(folding is None for folding in given):
        places = _layer_places(network)
        return max(
            network.input.samples,
            *(_unit(places[layer.name], layer.op.folding).fewest_cycles for layer in network.layers),
        )
    layers = layers_of(network, tuple(folding for folding in given if folding is not None))
    return max(layer.cycles(network.levels) for layer in layers)


def _lanes(given: Folding | None, pe: int, simd: int) -> Folding:
    """A folding with the lanes of levels and of planes that are given."""
    return Folding(pe, simd) if given is None else replace(given, pe=pe, simd=simd)


def _cheapest(unit: Mvtu, given: Folding | None, target: int) -> Folding:
    """The fewest XNOR lanes, PE·SIMD, whose cycles reach the target; among equals the fewest PE."""
    best: Folding | None = None
    legal = [pe for pe in unit.legal_pe if unit.map_positions * unit.at(pe, 1, 1).turns <= target]
    for chunks in range(1, unit.cols + 1):
        simd = math.ceil(unit.cols / chunks)
        folds = target // (math.ceil(unit.cols / simd) * unit.vectors * unit.groups_max)
        if folds == 0:
            break
        place = bisect_left(legal, math.ceil(unit.rows / folds))
        if place == len(legal):
            continue
        pe = legal[place]
        if best is None or (pe * simd, pe) < (best.pe * best.simd, best.pe):
            best = _lanes(given, pe, simd)
    if best is None:
        raise FoldingError(
            f"layer {unit.name}: no folding takes at most {target} cycles per image, the fastest takes "
            f"{unit.fewest_cycles}; raise --target-cycles or give the layer more level lanes"
        )
    return best
