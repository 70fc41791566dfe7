"""The accelerator's timing, exact: when each image leaves, how full each buffer gets, and which pace it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rebnet.fold.timing.deadlock import refuse_deadlock
from rebnet.fold.timing.pace import Pace
from rebnet.fold.timing.processes import Filling, MarkedGraph, processes_of, tile
from rebnet.fold.timing.schedule import Schedule
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.folding import check_depths


@dataclass(frozen=True)
class Timing:
    """What a run of the model saw; cycles are counted from the one in which the first beat went in.

    `finish` holds the cycle of each image's final beat; the peaks are the most words that ever stood in each buffer.
    """

    finish: tuple[int, ...]
    peaks: Depths

    @property
    def latency_cycles(self) -> int:
        """Cycles from the first beat in to the first image's final beat out."""
        return self.finish[0]


def run(accelerator: Accelerator, levels: Sequence[int], depths: Depths) -> Timing:
    """Send `len(levels)` images without a pause, image n at levels[n].

    Args:
        accelerator: the accelerator.
        levels: served levels of each image, at least one image.
        depths: words of the buffers and FIFOs.

    Raises:
        FoldingError: a depth below its buffer's minimum; the accelerator could not work at all.
    """
    check_depths(accelerator, depths)
    made: dict[tuple[int, bool], MarkedGraph] = {}
    graphs = []
    for image, m in enumerate(levels):
        key = (m, image > 0 and levels[image - 1] != m)
        if key not in made:
            made[key] = processes_of(accelerator, m, depths, changed=key[1])
        graphs.append(made[key])
    graph, schedule = graphs[0], Schedule([each.processes for each in graphs])
    rows = accelerator.beats_out
    finish = schedule.times[graph.numbers[graph.sink]][rows - 1 :: rows]
    return Timing(tuple(int(cycle) for cycle in finish), peaks(graph, schedule))


def pace(accelerator: Accelerator, levels: int, depths: Depths) -> tuple[Fraction, tuple[str, ...]]:
    """Cycles per image in the long run without a pause, exact, and the buffers that cost more than the bound.

    Raises:
        FoldingError: a depth below its buffer's minimum.
    """
    check_depths(accelerator, depths)
    graph = processes_of(accelerator, levels, depths)
    schedule, limits = paced(graph, accelerator.bound_cycles(levels))
    cycles = Fraction(schedule.period, schedule.scale)
    return cycles, tuple(
        filling.buffer for filling in graph.fillings if (graph.numbers[filling.waiting], filling.number) in limits
    )


def paced(graph: MarkedGraph, bound: int) -> tuple[Pace, frozenset[tuple[int, int]]]:
    """The schedule at the fewest cycles per image, `bound` or more, that has one, and the edges that cost more.

    The edges are those on circles that cost as much as the pace, as (number of the process that waits, of its edge).

    Raises:
        DeadlockError: events of an image wait for each other in a circle.
    """
    schedule = Pace(graph.processes, bound)
    while (circle := schedule.solve()) is not None:
        if circle.mean is None:
            refuse_deadlock(graph.processes)
        assert circle.mean is not None
        schedule = Pace(graph.processes, circle.mean)
    slower = schedule.period > bound * schedule.scale
    return schedule, schedule.limits() if slower else frozenset()


_MOST_EVENTS = 20_000_000


def settled_peaks(accelerator: Accelerator, levels: int, depths: Depths) -> Depths:
    """The most words that ever stand in each buffer in a run without a pause or an end.

    Exact where the run settles within the images that are tried: two images in turn, over as many as any event looks
    back, follow those before them in the same rhythm. Where it does not settle, a buffer counts as full at some time.
    """
    graph = processes_of(accelerator, levels, depths)
    events = sum(process.count for process in graph.processes)
    back = max(-(int(edge.after.min()) // edge.source.count) for process in graph.processes for edge in process.edges)
    for images in (back + 3, 2 * back + 6, 8 * back + 24):
        if images > back + 3 and images * events > _MOST_EVENTS:
            break
        schedule = Schedule([graph.processes] * images)
        if _settled(schedule, back):
            return peaks(graph, schedule)
    return dict(depths)


def _settled(schedule: Schedule, back: int) -> bool:
    """True if the last images followed each other in one rhythm, for as many images as any event looks back."""
    rhythms = set()
    for times in schedule.times:
        steps = np.diff(times.reshape(schedule.images, -1)[-back - 2 :], axis=0)
        rhythms |= {int(steps.min()), int(steps.max())}
    return len(rhythms) == 1


def peaks(graph: MarkedGraph, schedule: Schedule) -> dict[str, int]:
    """The most words that ever stand in each buffer."""
    return {filling.buffer: _peak(filling, graph, schedule) for filling in graph.fillings}


def _peak(filling: Filling, graph: MarkedGraph, schedule: Schedule) -> int:
    came, went = (schedule.times[graph.numbers[process]] for process in (filling.came, filling.went))
    came_words, went_words = (
        tile(words, schedule.images, int(words[-1])) for words in (filling.came_words, filling.went_words)
    )
    went_words = np.concatenate([np.zeros(1, np.int64), went_words])
    gone = went_words[np.searchsorted(went, came, "right" if filling.passes else "left")]
    return max(int((came_words - gone).max()), 0)
