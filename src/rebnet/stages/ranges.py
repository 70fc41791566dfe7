"""How features travel: as numbers of 0 and more.

Hardware carries a feature z as z - offset in as many bits as its largest value takes, plane major, the highest bit
first, as it carries codes: a width converter, a line buffer and a max-pool need not know which of both they hold.
Sums of what travels are what travels of sums, so an adder needs no constant either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.ir.features import Add, Join, Rescale, SumPool, TwoSlope
from rebnet.ir.network import Network
from rebnet.ir.values import Feature, shifts_to_finest
from rebnet.stages.numbers import clog2


@dataclass(frozen=True)
class Range:
    """A feature z on its wires: z - offset, from 0 to span, at every served level count."""

    offset: int
    span: int

    @property
    def bits(self) -> int:
        """Bit planes."""
        return max(1, clog2(self.span + 1))


def ranges_of(network: Network) -> Mapping[str, Range]:
    """The range of every feature of a lowered network, by the name of its value."""
    found: dict[str, Range] = {}
    for node in network.nodes:
        value, sources = network.values[node.name], network.sources(node)
        if not isinstance(value, Feature):
            continue
        own = [found[source] for source in sources if source in found]
        match node.op:
            case Rescale():
                low = min(value.low)
                found[node.name] = Range(low, max(value.high) - low)
            case TwoSlope():
                low, high = node.op.bounds(own[0].offset, own[0].offset + own[0].span)
                found[node.name] = Range(low, high - low)
            case Add():
                features = [network.values[source] for source in sources]
                shifts = shifts_to_finest([one for one in features if isinstance(one, Feature)])
                offset, span = (
                    sum(number << k for number, k in zip(numbers, shifts, strict=True))
                    for numbers in ([one.offset for one in own], [one.span for one in own])
                )
                found[node.name] = Range(offset, span)
            case SumPool(window=window):
                shape = network.read(node).shape
                area = shape.positions if window is None else window.area
                found[node.name] = Range(area * own[0].offset, area * own[0].span)
            case Join():
                low = min(one.offset for one in own)
                found[node.name] = Range(low, max(one.offset + one.span for one in own) - low)
            case _:
                found[node.name] = own[0]
    return found
