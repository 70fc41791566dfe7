"""FIFO depths: the fewest words with which the accelerator still keeps the pace of its slowest part."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from rebnet.fold.timing.cycle_model import pace, paced, run, settled_peaks
from rebnet.fold.timing.processes import processes_of
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Buffer, Depths

AMPLE = 1 << 40
"""Words of a buffer that is never full."""


@dataclass(frozen=True)
class Prediction:
    """What the model says of an accelerator at M levels with a source and a sink that never pause.

    `cycles_per_image` is the long run's; `peaks` are the most words that ever stand in each buffer, at any served
    levels; `limits` are the buffers that cost cycles beyond the bound.
    """

    cycles_per_image: Fraction
    latency_cycles: int
    peaks: Depths
    limits: tuple[str, ...]


def ample_depths(accelerator: Accelerator) -> Depths:
    """Depths with which nothing waits for a place."""
    return {buffer.name: AMPLE for buffer in accelerator.buffers}


def size_fifos(accelerator: Accelerator, progress: Callable[[str], None] = lambda buffer: None) -> Depths:
    """The fewest words of every buffer that keep the bound at each served level count.

    Every buffer starts with the words that stand in it when images come at the pace of the bound and nothing waits for
    a place; then each in turn, from the output back to the input, is cut to the least that keeps the pace. Throughput
    never falls when a buffer grows, so no buffer of the result can lose a word alone, but for those that are given
    `Buffer.fewest`.
    """
    trials = [_Trial(accelerator, m, ample_depths(accelerator)) for m in accelerator.served]
    depths = {}
    for buffer in accelerator.buffers:
        depths[buffer.name] = _least(buffer, None, _never_waits(trials, buffer.name))
    for name, depth in depths.items():
        _cut_all(trials, name, depth)
    for buffer in reversed(accelerator.buffers):
        progress(buffer.name)
        depths[buffer.name] = _least(buffer, depths[buffer.name], partial(_cut_all, trials, buffer.name))
    return depths


def _least(buffer: Buffer, most: int | None, holds: Callable[[int], bool]) -> int:
    """The least depth of a buffer that holds, as all greater ones do; `most` holds if it is given."""
    low, unit = -(-max(buffer.shallowest, buffer.fewest) // buffer.unit), buffer.unit
    if most is None:
        high, step = low, 1
        while not holds(unit * high):
            low, high, step = high + 1, high + step, 2 * step
    else:
        high = most // unit
    while low < high:
        middle = (low + high) // 2
        if holds(unit * middle):
            high = middle
        else:
            low = middle + 1
    return unit * high


def _never_waits(trials: "list[_Trial]", buffer: str) -> Callable[[int], bool]:
    return lambda depth: all(trial.meets(buffer, depth) for trial in trials)


class _Trial:
    """A schedule at one level count, whose buffers are cut as long as it keeps its pace."""

    def __init__(self, accelerator: Accelerator, levels: int, depths: Depths) -> None:
        graph = processes_of(accelerator, levels, depths)
        self._schedule, _ = paced(graph, accelerator.bound_cycles(levels))
        self._fillings = {filling.buffer: filling for filling in graph.fillings}

    def meets(self, buffer: str, depth: int) -> bool:
        """True if the schedule before any cut never waits for a place of a buffer of `depth` words."""
        filling = self._fillings[buffer]
        return self._schedule.meets(filling.waiting, filling.edge(depth))

    def cut(self, buffer: str, depth: int) -> bool:
        """Give a buffer `depth` words, if the schedule keeps its pace with them."""
        filling = self._fillings[buffer]
        return self._schedule.cut(filling.waiting, filling.number, filling.edge(depth))

    def undo(self) -> None:
        """Take the last cut back."""
        self._schedule.undo()


def _cut_all(trials: list[_Trial], buffer: str, depth: int) -> bool:
    """Give a buffer `depth` words at every level count, if all of them keep their pace."""
    for number, trial in enumerate(trials):
        if not trial.cut(buffer, depth):
            for done in trials[:number]:
                done.undo()
            return False
    return True


def predict(accelerator: Accelerator, levels: int, depths: Depths) -> Prediction:
    """Pace, latency and peaks at `levels`; peaks cover every served level count."""
    cycles, limits = pace(accelerator, levels, depths)
    seen = [settled_peaks(accelerator, m, depths) for m in accelerator.served]
    return Prediction(
        cycles,
        run(accelerator, [levels], depths).latency_cycles,
        {name: max(peak[name] for peak in seen) for name in depths},
        limits,
    )
