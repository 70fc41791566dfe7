"""Pass: affine and residual sign become one integer threshold and M - 1 steps per channel, with the same codes.

Where no grid has such steps for some channel, all channels get a tree of 2^M - 2 steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from rebnet.errors import LoweringError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, MultiThreshold, Op, ResidualSign, Threshold
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Feature, Integer
from rebnet.spec.residual import code, encode, steps_of
from rebnet.spec.threshold import MOST_SHIFT, RealEncoder, Steps, boundaries, constant_code, fit, step_tree

Line = tuple[Fraction, Fraction]
"""Slope a and offset b of z = a·v + b."""


def thresholds(network: Network) -> Network:
    """[Affine], ResidualSign -> Threshold; so too MultiThreshold.

    Raises:
        LoweringError: a channel's numbers have no exact form in T bits; names layer and channel.
    """

    def rule(node: Node[Op]) -> tuple[Op, ...]:
        match node.op:
            case Affine() if node not in network.answers:
                return ()
            case ResidualSign():
                return (_threshold(network, node, node.op),)
        return (node.op,)

    return rewritten(network, rule)


def _threshold(network: Network, node: Node[Op], sign: ResidualSign) -> Threshold:
    """The threshold of a residual sign that reads an affine of accumulators or of features, or features."""
    before, served = network.before(node), network.served
    affine = before if before is not None and isinstance(before.op, Affine) else None
    read, layer = network.read(affine or node), network.layer_of(node)
    assert isinstance(read, Integer | Feature)
    t = np.zeros((len(served), read.shape.channels), dtype=np.int64)
    lines = _lines(affine, read, t.shape)
    channels = []
    for index, levels in enumerate(served):
        for row in range(t.shape[1]):
            place = f"{node.name if layer is None else f'layer {layer.name}'}, channel {row}, at {levels} levels"
            reach = read.high[index] - read.low[index]
            ends = tuple(map(Fraction, sign.boundaries[row].tolist())) if isinstance(sign, MultiThreshold) else None
            channels.append(_Channel(place, *lines[index][row], sign.factors(levels), reach, ends))
    at_most = channels[-t.shape[1] :] * len(served)  # the same row at M levels
    source = [most if most.goes_on(channel) else channel for most, channel in zip(at_most, channels, strict=True)]
    own = {channel.place: channel for channel in source}
    found = _least_shift(list(own.values()), network.threshold_bits)
    tree = found is None
    shift, exact = found or (0, [channel.tree(network.threshold_bits) for channel in own.values()])
    numbers = dict(zip(own, exact, strict=True))
    steps = np.zeros((*t.shape, steps_of(network.levels, tree)), dtype=np.int64)
    for (index, row), channel in zip(np.ndindex(t.shape), source, strict=True):
        threshold, of_levels = numbers[channel.place]
        read_here = steps_of(served[index], tree)
        t[index, row] = threshold + (read.low[index] << shift)
        steps[index, row, :read_here] = of_levels[:read_here]
    return Threshold(t, steps, shift, tree)


def _lines(affine: Node[Op] | None, read: Integer | Feature, shape: tuple[int, int]) -> list[list[Line]]:
    """Slope and offset per unit of v = 2A - R of every set and row, where A is what is read above its least."""
    if affine is None and isinstance(read, Integer):
        return [[(Fraction(unit), Fraction(0))] * shape[1] for unit in read.units]
    if affine is None:
        assert isinstance(read, Feature)
        return [[_centred(read.unit, Fraction(0), *ends)] * shape[1] for ends in zip(read.low, read.high, strict=True)]
    assert isinstance(affine.op, Affine)
    a, b = np.broadcast_to(affine.op.a, shape), np.broadcast_to(affine.op.b, shape)
    lines = [
        [(Fraction(slope), Fraction(offset)) for slope, offset in zip(*one, strict=True)]
        for one in zip(a, b, strict=True)
    ]
    if isinstance(read, Integer):
        return lines
    return [
        [_centred(*line, *ends) for line in one]
        for one, ends in zip(lines, zip(read.low, read.high, strict=True), strict=True)
    ]


def _centred(slope: Fraction, offset: Fraction, low: int, high: int) -> Line:
    """A line in z as one in v, where z = (v + low + high)/2."""
    return slope / 2, slope * (low + high) / 2 + offset


@dataclass(frozen=True)
class _Channel:
    """A channel at a served level count: z = a·v + b, and what becomes of it."""

    place: str
    a: Fraction
    b: Fraction
    gammas: tuple[float, ...]
    reach: int
    boundaries: tuple[Fraction, ...] | None = None

    def goes_on(self, fewer: "_Channel") -> bool:
        """Whether its code begins with that of a channel of fewer levels, which then needs no numbers of its own."""
        same = (self.a, self.b, self.reach) == (fewer.a, fewer.b, fewer.reach)
        return same and self.gammas[: len(fewer.gammas)] == fewer.gammas

    @cached_property
    def _real(self) -> RealEncoder:
        return RealEncoder.of(self.a, self.b, self.gammas, self.reach)

    def tree(self, threshold_bits: int) -> tuple[int, Steps]:
        """T and a tree of steps that give the exact codes."""
        if (self.reach + 2).bit_length() >= threshold_bits:
            raise LoweringError(
                f"{self.place}: boundaries of 0 to {self.reach + 1} leave {threshold_bits} bits (--threshold-bits)"
            )
        if self.boundaries is not None:
            return step_tree([self._first(boundary) for boundary in self.boundaries])
        flat = self.a == 0
        codes = [(0, int(code(encode(np.asarray(float(self.b)), self.gammas))))] if flat else self._real.codes
        return step_tree(boundaries(codes, len(self.gammas), self.reach))

    def _first(self, boundary: Fraction) -> int:
        """The first A with z ≥ boundary; R + 1 if there is none."""
        if self.a == 0:
            return 0 if self.b >= boundary else self.reach + 1
        first = math.ceil(((boundary - self.b) / self.a + self.reach) / 2)
        return min(max(first, 0), self.reach + 1)

    def integers(self, shift: int, threshold_bits: int) -> tuple[int, Steps] | None:
        """T and steps that give the exact codes in units of 2^-shift; None where it takes finer ones."""
        reach = self.reach << shift
        if self.boundaries is not None:  # of one level, one is a threshold
            return self.tree(threshold_bits) if len(self.boundaries) == 1 else None
        if self.a == 0:
            return constant_code([bool(bit) for bit in encode(np.asarray(float(self.b)), self.gammas)], reach)
        found = self._real.integers(shift)
        try:
            return None if found is None else fit(*found, reach, threshold_bits + shift)
        except LoweringError as error:
            unit = f", in units of 2^-{shift}" if shift else ""
            raise LoweringError(f"{self.place}{unit}: {error} (--threshold-bits)") from None


def _least_shift(channels: Sequence[_Channel], threshold_bits: int) -> tuple[int, list[tuple[int, Steps]]] | None:
    """The coarsest grid that is fine enough for all channels, and their numbers on it; None where none is."""
    stuck = None
    for shift in range(MOST_SHIFT + 1):
        exact = []
        for channel in channels if stuck is None else (stuck, *channels):
            found = channel.integers(shift, threshold_bits)
            if found is None:
                stuck = channel
                break
            exact.append(found)
        else:
            return shift, exact[len(exact) - len(channels) :]
    return None
