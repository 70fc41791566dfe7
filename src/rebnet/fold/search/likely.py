"""FIFO depths before they are sized: what the search counts on."""

import math
from collections.abc import Iterable

from rebnet.stages.accelerator import Unit
from rebnet.stages.buffers import Depths
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import Count
from rebnet.stages.window import WindowUnit


def likely_depths(units: Iterable[Unit]) -> Depths:
    """Two vectors in an input buffer, two folds in an output FIFO, half more than the least in a line buffer.

    Depths depend on the pace of all layers together; these do not, so that a search can count them layer by layer. The
    exact ones come from `rebnet.fold.timing.depths`, once the foldings are chosen.
    """
    depths: dict[str, int] = {}
    for unit in units:
        match unit:
            case Mvtu():
                depths[unit.input.name] = input_depth(unit.chunks)
                depths[unit.output.name] = output_depth(unit.drain_words)
            case WindowUnit():
                depths[unit.lines.name] = math.ceil(1.5 * unit.min_depth / unit.writes) * unit.writes
    return depths


def input_depth(chunks: Count) -> Count:
    """Words of an input buffer: two vectors."""
    return 2 * chunks


def output_depth(drain_words: Count) -> Count:
    """Words of an output FIFO: two folds."""
    return 2 * drain_words
