"""FIFO depths before they are sized: what the search counts on."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rebnet.stages.accelerator import Accelerator, Depths
from rebnet.stages.geometry import Converter, Mvtu, WindowUnit

Words = TypeVar("Words", int, NDArray[np.int64])


def likely_depths(accelerator: Accelerator) -> Depths:
    """Two vectors in an input buffer, two folds in an output FIFO, half more than the least in a line buffer.

    Depths depend on the pace of all layers together; these do not, so that a search can count them layer by layer. The
    exact ones come from `rebnet.fold.depths`, once the foldings are chosen.
    """
    depths: dict[str, int] = {}
    for stage in accelerator.stages:
        match stage:
            case Mvtu():
                buffer, out = stage.channels
                depths |= {buffer.name: input_depth(stage.chunks), out.name: output_depth(stage.drain_words)}
            case WindowUnit():
                depths[stage.channels[0].name] = line_depth(stage)
            case Converter():
                pass
    return depths


def input_depth(chunks: Words) -> Words:
    """Words of an input buffer: two vectors."""
    return 2 * chunks


def output_depth(drain_words: Words) -> Words:
    """Words of an output FIFO: two folds."""
    return 2 * drain_words


def line_depth(unit: WindowUnit) -> int:
    """Words of a line buffer: half more than the least."""
    return math.ceil(1.5 * unit.min_depth / unit.writes) * unit.writes
