"""The words of all constant memories of an accelerator, and what becomes of them: files for `$readmemh`."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rebnet.generate.memory import (
    encoder_words,
    gain_words,
    pieces,
    rescale_words,
    score_words,
    threshold_words,
    two_slope_words,
    weight_words,
)
from rebnet.ir.features import Rescale, TwoSlope
from rebnet.ir.network import Network
from rebnet.ir.ops import Scores, Threshold
from rebnet.spec.residual import Bits
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.branches import encoder_constants, rescale_constants
from rebnet.stages.features import EncoderUnit, RescaleUnit
from rebnet.stages.memories import Rom
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.ranges import ranges_of
from rebnet.stages.runtime_weights import boundary_form
from rebnet.stages.thresholds import layer_constants
from rebnet.stages.two_slope import TwoSlopeUnit

BUS_WORD = 32
"""Bits of a column of a memory that is written at run time, and of a word on its way there."""


def memory_words(network: Network, accelerator: Accelerator, *, runtime_weights: bool = False) -> dict[str, Bits]:
    """The words of every constant memory by its name, in the order that data meets them.

    Args:
        network: the lowered network.
        accelerator: its accelerator; with `runtime_weights` as `for_any_weights` has it.
        runtime_weights: the memories are those that are written at run time: gains are in one too.

    Returns:
        Arrays of shape (words, bits), bit 0 first.
    """
    return dict(_words(network, accelerator, runtime_weights))


def memory_files(
    words: Mapping[str, Bits], accelerator: Accelerator, *, runtime_weights: bool = False
) -> dict[str, str]:
    """The memory images by file name: of a memory that stands in columns or banks, one of each."""
    files: dict[str, str] = {}
    roms = roms_of(accelerator)
    for name, own in words.items():
        rom = roms.get(name) or Rom(own.shape[1], own.shape[0], "distributed")
        files |= pieces(f"{name}.hex", own, BUS_WORD if runtime_weights else rom.column, rom.bank)
    return files


def roms_of(accelerator: Accelerator) -> dict[str, Rom]:
    """The constant memories that may stand in block RAM, by their names; all others are in tables."""
    roms: dict[str, Rom] = {}
    for unit in accelerator.stages:
        match unit:
            case Mvtu() if not unit.unrolled:
                roms |= {f"{unit.name}_weights": unit.weights, f"{unit.name}_thresholds": unit.thresholds}
            case RescaleUnit() | TwoSlopeUnit():
                roms[f"{unit.name}_constants"] = unit.rom
            case EncoderUnit():
                roms[f"{unit.name}_thresholds"] = unit.rom
    return roms


def _words(network: Network, accelerator: Accelerator, runtime_weights: bool) -> Iterator[tuple[str, Bits]]:
    scores, ranges = network.answers[0], ranges_of(network)
    assert isinstance(scores.op, Scores)
    for unit in accelerator.stages:
        node = network.by_name[accelerator.computes.get(unit.instance, (scores.name,))[0]]
        match unit:
            case Mvtu() if unit.unrolled:
                pass  # its constants are parameters
            case Mvtu():
                yield f"{unit.name}_weights", weight_words(network.layer(node.name), unit)
                op = _encoder(network, node.name, runtime_weights)
                if op is not None:
                    yield f"{unit.name}_thresholds", threshold_words(op, unit, unit.numbers.threshold_width)
                if runtime_weights and unit.multiplies:
                    yield f"{unit.name}_gains", gain_words(unit)
            case RescaleUnit():
                layer = network.layer_of(node)
                assert layer is not None
                assert isinstance(node.op, Rescale)
                numbers = rescale_constants(node.op, layer.op.reaches, ranges[node.name].offset)
                yield f"{unit.name}_constants", rescale_words(*numbers, unit)
            case TwoSlopeUnit():
                assert isinstance(node.op, TwoSlope)
                (source,) = network.sources(node)
                yield f"{unit.name}_constants", two_slope_words(node.op, ranges[source], ranges[node.name], unit)
            case EncoderUnit():
                threshold = encoder_constants(network, node, ranges).threshold
                yield f"{unit.name}_thresholds", encoder_words(threshold, unit)
    last = network.layer_of(scores)
    assert last is not None
    if not accelerator.scores.at_once:
        yield "scores", score_words(scores.op, last.op, accelerator.scores.score_width)


def _encoder(network: Network, layer: str, runtime_weights: bool) -> Threshold | None:
    """The encoder of a layer as its memory holds it; None where its sums become scores."""
    if not runtime_weights:
        constants = layer_constants(network, layer)
        return None if constants is None else constants.threshold
    for user in network.users[layer]:
        if isinstance(user.op, Threshold):
            return boundary_form(user.op, network.served, network.layer(layer).reaches)
    return None


def bus_words(words: Bits) -> NDArray[np.uint32]:
    """The words of a memory as they are written: shape (columns of 32 bits, words), the lowest bits first."""
    padded = np.pad(words, ((0, 0), (0, -words.shape[1] % BUS_WORD)))
    packed = np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little"))
    return packed.view("<u4").T.astype(np.uint32)
