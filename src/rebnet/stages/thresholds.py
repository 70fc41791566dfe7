"""Thresholds as the hardware keeps them: as few sets and as few bits as give the same codes.

The law's constants have T bits for every network. A layer's accumulators reach only R, so most of them hold less: rows
whose code is the same for every accumulator get the smallest constants that give it, steps that no served level count
reads are those of the largest one, equal sets are kept once, and the width is what the rest needs.
"""

from dataclasses import dataclass

import numpy as np

from rebnet.ir.network import Network
from rebnet.ir.ops import Threshold
from rebnet.stages.numbers import clog2


@dataclass(frozen=True)
class Constants:
    """What the threshold memory of a layer holds: one set of constants or one per served m, and their width in bits."""

    threshold: Threshold
    bits: int

    @property
    def sets(self) -> int:
        """Sets of constants."""
        return len(self.threshold.thresholds)


def constants_of(op: Threshold, served: tuple[int, ...], reaches: tuple[int, ...], threshold_bits: int) -> Constants:
    """The fewest constants that give the codes of `op` for every accumulator 0 … R.

    Args:
        op: thresholds and steps per served level count.
        served: these level counts m; planes from m on are not read.
        reaches: R per served level count.
        threshold_bits: T, which with the shift holds every residual.
    """
    thresholds, steps = op.thresholds.astype(np.int64), op.steps.astype(np.int64)
    reaches = tuple(reach << op.shift for reach in reaches)
    for index, m in enumerate(served):
        steps[index, :, op.steps_at(m) :] = steps[-1, :, op.steps_at(m) :]
    if (thresholds == thresholds[-1]).all() and (steps == steps[-1]).all():
        thresholds, steps, served, reaches = thresholds[-1:], steps[-1:], served[-1:], (max(reaches),)
    for index, (m, reach) in enumerate(zip(served, reaches, strict=True)):
        most = sum(steps[index, :, op.steps_at(level - 1) : op.steps_at(level)].max(-1) for level in range(2, m + 1))
        below = thresholds[index] > reach + most  # every residual is negative
        above = thresholds[index] <= -most  # none is
        thresholds[index] = np.where(below, reach + 1, np.where(above, 0, thresholds[index]))
        steps[index] = np.where((below | above)[:, None], 0, steps[index])
    # A residual lies in -t … R - t at first; a step of d leaves it there, or within -d … d.
    step = int(steps.max(initial=0))
    lowest = min(0, int(thresholds.min()), -int(thresholds.max()), -step)
    highest = max(*reaches, int(thresholds.max()), max(reaches) - int(thresholds.min()), step)
    bits = 1 + max(clog2(-lowest), clog2(highest + 1))
    return Constants(Threshold(thresholds, steps, op.shift, op.tree), min(bits, threshold_bits + op.shift))


def layer_constants(network: Network, layer: str) -> Constants | None:
    """The constants of a layer's encoder; None where its sums become scores."""
    for user in network.users[layer]:
        if isinstance(user.op, Threshold):
            return constants_of(user.op, network.served, network.layer(layer).reaches, network.threshold_bits)
    return None
