"""Pass: affine and residual sign become one integer threshold and M - 1 steps per channel, with the same codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rebnet.errors import LoweringError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Affine, Op, ResidualSign, Threshold
from rebnet.ir.rewrite import rewritten
from rebnet.ir.values import Integer
from rebnet.spec.residual import encode
from rebnet.spec.threshold import MOST_SHIFT, RealEncoder, Steps, constant_code, fit


def thresholds(network: Network) -> Network:
    """Affine, ResidualSign -> Threshold.

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
    """The threshold of a residual sign that reads an affine of accumulators."""
    front, layer = network.before(node), network.layer_of(node)
    assert front is not None
    assert isinstance(front.op, Affine)
    assert layer is not None
    sums, served = network.read(front), network.served
    assert isinstance(sums, Integer)
    t = np.zeros((len(served), sums.shape.channels), dtype=np.int64)
    steps = np.zeros((*t.shape, network.levels - 1), dtype=np.int64)
    a, b = np.broadcast_to(front.op.a, t.shape), np.broadcast_to(front.op.b, t.shape)
    channels = []
    for index, (levels, reach) in enumerate(zip(served, sums.high, strict=True)):
        for row in range(t.shape[1]):
            place = f"layer {layer.name}, channel {row}, at {levels} levels"
            channels.append(_Channel(place, a[index, row], b[index, row], sign.factors(levels), reach))
    at_most = channels[-t.shape[1] :] * len(served)  # the same row at M levels
    source = [most if most.goes_on(channel) else channel for most, channel in zip(at_most, channels, strict=True)]
    own = {channel.place: channel for channel in source}
    shift, exact = _least_shift(list(own.values()), network.threshold_bits)
    numbers = dict(zip(own, exact, strict=True))
    for (index, row), channel in zip(np.ndindex(t.shape), source, strict=True):
        t[index, row], of_levels = numbers[channel.place]
        steps[index, row, : served[index] - 1] = of_levels[: served[index] - 1]
    return Threshold(t, steps, shift)


@dataclass(frozen=True)
class _Channel:
    """A channel at a served level count: z = a·v + b, and what becomes of it."""

    place: str
    a: float
    b: float
    gammas: tuple[float, ...]
    reach: int

    def goes_on(self, fewer: "_Channel") -> bool:
        """Whether its code begins with that of a channel of fewer levels, which then needs no numbers of its own."""
        same = (self.a, self.b, self.reach) == (fewer.a, fewer.b, fewer.reach)
        return same and self.gammas[: len(fewer.gammas)] == fewer.gammas

    @cached_property
    def _real(self) -> RealEncoder:
        return RealEncoder.of(self.a, self.b, self.gammas, self.reach)

    def integers(self, shift: int, threshold_bits: int) -> tuple[int, Steps] | None:
        """T and steps that give the exact codes in units of 2^-shift; None where it takes finer ones."""
        reach = self.reach << shift
        if self.a == 0:
            return constant_code([bool(bit) for bit in encode(np.asarray(self.b), self.gammas)], reach)
        found = self._real.integers(shift)
        try:
            return None if found is None else fit(*found, reach, threshold_bits + shift)
        except LoweringError as error:
            unit = f", in units of 2^-{shift}" if shift else ""
            raise LoweringError(f"{self.place}{unit}: {error} (--threshold-bits)") from None


def _least_shift(channels: Sequence[_Channel], threshold_bits: int) -> tuple[int, list[tuple[int, Steps]]]:
    """The coarsest grid that is fine enough for all channels, and their numbers on it."""
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
    assert stuck is not None
    raise LoweringError(
        f"{stuck.place}: no threshold and steps in units of 2^-{MOST_SHIFT} give its codes exactly; train it on, or "
        "with another seed"
    )
