"""FIFO depths before they are sized: what the search counts on."""

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType

from rebnet.ir.network import Network
from rebnet.stages.accelerator import Accelerator, Unit
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.depth_to_space import DepthToSpaceUnit
from rebnet.stages.features import GlobalSum, JoinUnit, Skip
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import Count, ceil_div
from rebnet.stages.upsample import UpsampleUnit
from rebnet.stages.window import WindowUnit

Waits = Mapping[str, int]
"""Elements that wait in a buffer until the branch beside it is as far, by the buffer's name."""
NOTHING: Waits = MappingProxyType({})
_UNDER_WAY = 16
"""Words that go by while the other branch's units work."""


def likely_depths(units: Iterable[Unit], waits: Waits = NOTHING) -> Depths:
    """Two vectors in an input buffer, two folds in an output FIFO, half more than the least in a line buffer.

    Besides, what waits for another branch (`waits_of`).

    Depths depend on the pace of all layers together; these do not, so that a search can count them layer by layer. The
    exact ones come from `rebnet.fold.timing.depths`, once the foldings are chosen.
    """
    depths: dict[str, int] = {}
    for unit in units:
        match unit:
            case Mvtu():
                depths[unit.input.name] = input_depth(unit.chunks)
                waiting = waits.get(unit.output.name, 0)
                depths[unit.output.name] = output_depth(unit.drain_words, unit.drain, waiting)
            case WindowUnit():
                least = math.ceil(1.5 * unit.min_depth / unit.writes)
                more = ceil_div(waits.get(unit.lines.name, 0), unit.word * unit.writes)
                depths[unit.lines.name] = (least + more) * unit.writes
            case Skip():
                waiting = waits.get(unit.words.name, 0)
                depths[unit.words.name] = unit.words.fewest + ceil_div(waiting, unit.elements)
                if waiting:
                    depths[unit.words.name] += _UNDER_WAY
            case UpsampleUnit() | DepthToSpaceUnit():
                depths[unit.words.name] = unit.words.shallowest
    return depths


def input_depth(chunks: Count) -> Count:
    """Words of an input buffer: two vectors."""
    return 2 * chunks


def output_depth(drain_words: Count, drain: Count, waiting: int = 0) -> Count:
    """Words of an output FIFO: two folds, and the rows that wait."""
    return 2 * drain_words + -(-waiting // drain)


def waits_of(network: Network, accelerator: Accelerator) -> Waits:
    """What waits in front of joins, at any folding: the branch that is ahead of the last one waits in its last buffers.

    How far a branch is behind is what its windows must have seen before the first of them is whole, and a vector for
    each layer: a share of an image.
    """
    behind: dict[str, Fraction] = {}
    found: dict[str, int] = {}
    for unit in accelerator.units:
        sources = accelerator.reads.get(unit.instance, ())
        behind[unit.instance] = max((behind[source] for source in sources), default=Fraction(0)) + _delay(unit)
        if not isinstance(unit, JoinUnit):
            continue
        for source in sources:
            share = behind[unit.instance] - behind[source]
            for buffer, elements in _last_buffers(network, accelerator, source):
                found[buffer.name] = max(found.get(buffer.name, 0), math.ceil(share * elements))
    return {name: elements for name, elements in found.items() if elements}


def _delay(unit: Unit) -> Fraction:
    """Share of an image that comes in before a unit's first words leave."""
    match unit:
        case WindowUnit():
            (top, left), (rows, columns) = unit.pad, unit.window.kernel
            ahead = (rows - 1 - top) * unit.width + columns - 1 - left
            return Fraction(min(ahead, unit.height * unit.width), unit.height * unit.width)
        case Mvtu():
            return Fraction(1, unit.vectors)
        case GlobalSum():
            return Fraction(1)
    return Fraction(0)


def _last_buffers(network: Network, accelerator: Accelerator, source: str) -> Iterator[tuple[Buffer, int]]:
    """The last buffers in front of an instance's output, and elements of an image that go through each."""
    match accelerator.by_instance[source]:
        case Mvtu() as layer:
            yield layer.output, layer.rows * layer.vectors
        case WindowUnit() as unit:
            yield unit.lines, unit.height * unit.width * unit.channels_in
        case Skip() as skip:
            yield skip.words, network.values[skip.name].shape.elements
        case _:
            for before in accelerator.reads.get(source, ()):
                yield from _last_buffers(network, accelerator, before)
