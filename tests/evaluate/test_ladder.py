"""Thresholds, sweep and choice against a loop over images, and by hand."""

import numpy as np
import pytest
from tests.evaluate import slow

from rebnet.evaluate.ladder import Point, Rungs, choose, climb, rungs_of, sweep


def random_rungs(seed, rungs, images, largest):
    rng = np.random.default_rng(seed)
    margins = rng.integers(0, largest, (rungs, images))
    chance = np.linspace(0.5, 0.95, rungs)[:, None] + 0.3 * margins / largest  # a large margin is right more often
    return Rungs(margins, rng.random((rungs, images)) < chance)


def test_margins_and_right_answers():
    first = np.array([[5, -3, 1], [2, 2, -9], [-7, -4, -5], [0, 0, 0]])
    second = np.array([[1, 9, 2], [0, 1, 3], [4, 4, 4], [-1, 5, 0]])
    rungs = rungs_of([first, second], np.array([0, 1, 1, 0]))
    assert rungs.margins.tolist() == [[4, 0, 1, 0], [7, 2, 0, 5]]
    assert rungs.correct.tolist() == [[True, False, True, True], [False, False, False, False]]
    assert rungs.images == 4
    assert rungs.margins[0].tolist() == [slow.margin(scores) for scores in first]


def test_large_scores_keep_every_unit():
    scores = np.array([[2**40, 2**40 - 1, -(2**40)]])
    assert rungs_of([scores, -scores], np.array([0])).margins.tolist() == [[1], [2**41 - 1]]


@pytest.mark.parametrize("thresholds", [(0, 0), (3, None), (None, 4), (None, None), (7, 2), (50, 50)])
def test_climb(thresholds):
    rungs = random_rungs(1, 3, 200, 10)
    outcome = climb(rungs, thresholds, [2, 3, 5])
    expected = slow.climb(rungs.margins, rungs.correct, thresholds, [2, 3, 5])
    assert (list(outcome.answered), outcome.correct, outcome.cycles) == expected


def test_an_image_pays_for_every_rung_it_runs_at():
    rungs = Rungs(np.array([[9, 1], [9, 9]]), np.array([[True, False], [True, True]]))
    assert climb(rungs, (5,), [10, 30]).cycles == 10 + 10 + 30
    assert climb(rungs, (1,), [10, 30]).cycles == 10 + 10
    assert climb(rungs, (None,), [10, 30]).cycles == 30 + 30


def test_a_curve_by_hand():
    margins = np.array([[8, 6, 6, 1], [0, 0, 0, 0]])
    correct = np.array([[True, True, False, False], [True, True, True, True]])
    assert sweep(Rungs(margins, correct), [1, 4]) == [
        Point((0,), 2, 4),
        Point((6,), 3, 3 + 5),  # the two sixes are answered together
        Point((None,), 4, 16),
        Point((8,), 4, 1 + 15),
    ]


@pytest.mark.parametrize(
    ("rungs", "images", "largest", "steps"),
    [(2, 300, 1000, 100), (2, 300, 8, 100), (2, 7, 50, 100), (2, 1, 5, 100), (3, 40, 1000, 100), (3, 40, 6, 100),
     (4, 30, 100, 22), (5, 12, 20, 10)],
)  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_the_curve_is_the_slow_one(seed, rungs, images, largest, steps):
    drawn = random_rungs(seed, rungs, images, largest)
    cycles = [3, 5, 6, 11, 14][:rungs]
    points = sweep(drawn, cycles)
    assert [(point.thresholds, point.correct, point.cycles) for point in points] == slow.curve(
        drawn.margins.tolist(), drawn.correct.tolist(), cycles, steps
    )
    for point in points:
        outcome = climb(drawn, point.thresholds, cycles)
        assert (outcome.correct, outcome.cycles) == (point.correct, point.cycles)


def test_a_front_drops_what_is_dearer_and_no_better():
    margins = np.array([[5, 5, 5, 1]] * 3)
    correct = np.array([[True, True, True, False], [False] * 4, [True] * 4])
    assert sweep(Rungs(margins, correct), [1, 2, 4]) == [Point((0, None), 3, 4), Point((5, None), 4, 8)]


@pytest.mark.parametrize(("max_loss", "cycles"), [(0, 40), (0.99, 40), (1, 30), (1.99, 30), (2, 20), (100, 10)])
def test_the_cheapest_within_the_loss(max_loss, cycles):
    rungs = Rungs(np.zeros((2, 100), np.int64), np.tile([[False], [True]], 100))
    points = [Point((0,), 0, 10), Point((1,), 98, 20), Point((2,), 99, 30), Point((None,), 100, 40)]
    assert choose(points, rungs, max_loss).cycles == cycles


def test_a_loss_is_read_as_it_is_written():
    """29 of 100 images are 29 points, though 0.29 · 100 is less than 29 in floating point."""
    rungs = Rungs(np.zeros((2, 10_000), np.int64), np.tile([[False], [True]], 10_000))
    points = [Point((1,), 10_000 - 29, 1), Point((None,), 10_000, 2)]
    assert choose(points, rungs, 0.29).cycles == 1
