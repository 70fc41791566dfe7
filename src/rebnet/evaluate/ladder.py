"""Level counts as rungs: an image is answered at the first whose margin is large enough, else it goes on to the next.

The margin is the best score minus the second best, an integer; scores at one level count share one scale, so a rung has
one threshold. A rung without a threshold is left out and costs nothing. The last rung answers whatever is left. All
counts here are exact integers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.scores import labels as labels_of

_STEPS = 100  # quantiles of a rung's margins
_MOST_POINTS = 10_000  # combinations of thresholds that a sweep tries, about
Thresholds = tuple[int | None, ...]
"""One for every rung but the last: answer where margin ≥ threshold; None leaves the rung out."""


@dataclass(frozen=True, eq=False)
class Rungs:
    """What the rungs say of the same images: margins (int64) and whether the label is right (bool), (rungs, images)."""

    margins: NDArray[np.int64]
    correct: NDArray[np.bool_]

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.margins.shape[1])


@dataclass(frozen=True)
class Outcome:
    """All images at some thresholds: how many were answered at each rung, how many rightly, and their cycles."""

    answered: tuple[int, ...]
    correct: int
    cycles: int


@dataclass(frozen=True)
class Point:
    """Thresholds of a sweep, with the images they answer rightly and the cycles of all images together."""

    thresholds: Thresholds
    correct: int
    cycles: int


def rungs_of(scores: Sequence[NDArray[np.int64]], labels: NDArray[np.int64]) -> Rungs:
    """Margins and right answers of each rung's scores, each (images, classes) with at least two classes."""
    best = [np.partition(values, -2, axis=1)[:, -2:] for values in scores]
    return Rungs(
        np.stack([two[:, 1] - two[:, 0] for two in best]), np.stack([labels_of(values) == labels for values in scores])
    )


def climb(rungs: Rungs, thresholds: Thresholds, cycles: Sequence[int]) -> Outcome:
    """Send every image up the rungs.

    Args:
        rungs: margins and right answers.
        thresholds: one for every rung but the last.
        cycles: of one image at each rung; an image pays for every rung it runs at.
    """
    waiting = np.ones(rungs.images, dtype=bool)
    answered, correct, spent = [], 0, 0
    for margins, right, threshold, cost in zip(rungs.margins, rungs.correct, (*thresholds, 0), cycles, strict=True):
        if threshold is None:
            answered.append(0)
            continue
        spent += cost * int(waiting.sum())
        done = waiting & (margins >= threshold)  # no margin is below the last rung's 0
        answered.append(int(done.sum()))
        correct += int((done & right).sum())
        waiting &= ~done
    return Outcome(tuple(answered), correct, spent)


def sweep(rungs: Rungs, cycles: Sequence[int]) -> list[Point]:
    """Thresholds at quantiles of the margins, cheapest first; ladders without some of the rungs are tried too.

    A rung's quantiles are those of the images that reach it. Two rungs give every threshold tried; more give the Pareto
    front alone: its points are right more often than every cheaper one.

    Args:
        rungs: margins and right answers of the images to choose by, at least one.
        cycles: of one image at each rung.
    """
    steps = min(_STEPS, round(_MOST_POINTS ** (1 / (len(cycles) - 1))))
    everything = np.arange(rungs.images)
    points = [Point(*found) for found in _sweep(rungs, cycles, steps, 0, everything)]
    points.sort(key=lambda point: (point.cycles, -point.correct))
    return points if len(cycles) == 2 else _front(points)


def _sweep(
    rungs: Rungs, cycles: Sequence[int], steps: int, rung: int, reached: NDArray[np.int64]
) -> Iterator[tuple[Thresholds, int, int]]:
    """Thresholds from `rung` on, and what they give for the images `reached`: right answers, cycles."""
    rest = len(cycles) - 1 - rung
    here = cycles[rung] * len(reached)
    if rest == 0 or len(reached) == 0:
        yield (None,) * rest, int(rungs.correct[rung, reached].sum()), here
        return
    for above, correct, spent in _sweep(rungs, cycles, steps, rung + 1, reached):
        yield (None, *above), correct, spent
    order = reached[np.argsort(-rungs.margins[rung, reached], kind="stable")]
    right = np.concatenate([[0], np.cumsum(rungs.correct[rung, order])])
    for threshold, answered in _candidates(rungs.margins[rung, order], steps):
        for above, correct, spent in _sweep(rungs, cycles, steps, rung + 1, order[answered:]):
            yield (threshold, *above), int(right[answered]) + correct, here + spent


def _candidates(falling: NDArray[np.int64], steps: int) -> list[tuple[int, int]]:
    """Thresholds that answer 1/steps, 2/steps, … of the images or just more, equal margins together; and how many.

    Where all are answered the threshold is 0, which no image falls below.
    """
    count, rising = len(falling), -falling
    found: dict[int, int] = {}
    for step in range(1, steps + 1):
        wanted = step * count // steps
        if wanted:
            last = rising[wanted - 1]
            found[int(np.searchsorted(rising, last, side="right"))] = -int(last)
    found[count] = 0
    return [(threshold, answered) for answered, threshold in found.items()]


def _front(points: list[Point]) -> list[Point]:
    """Of points by rising cycles those that are right more often than every cheaper one."""
    front: list[Point] = []
    for point in points:
        if not front or point.correct > front[-1].correct:
            front.append(point)
    return front


def choose(points: list[Point], rungs: Rungs, max_loss: float) -> Point:
    """The cheapest point that loses at most `max_loss` percent points of right answers against the last rung."""
    full = int(rungs.correct[-1].sum())
    allowed = Fraction(repr(float(max_loss))) * rungs.images / 100
    return next(point for point in points if full - point.correct <= allowed)
