"""Scales, ticks and the outline of a front."""

import pytest

from rebnet.report.chart import Scale, log_span, short, span, steps
from rebnet.report.learning import wilson
from rebnet.report.sweep import _Axis, _scale


def test_scales():
    assert [Scale(0, 10, 100, 0)(value) for value in (0, 5, 10)] == [100, 50, 0]
    assert [Scale(1, 100, 0, 200, is_log=True)(value) for value in (1, 10, 100)] == [0, 100, 200]


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(97.1, 99.2, 0, 1), [97.5, 98, 98.5, 99]),
        (Scale(0, 10, 0, 1), [0, 2, 4, 6, 8, 10]),
        (Scale(300, 2.5e6, 0, 1, is_log=True), [1e3, 1e4, 1e5, 1e6]),
        (Scale(3e5, 3e6, 0, 1, is_log=True), [5e5, 1e6, 2e6]),
        (Scale(5.5e5, 9e5, 0, 1, is_log=True), [6e5, 7e5, 8e5, 9e5]),
    ],
)
def test_ticks(scale, ticks):
    assert scale.ticks == ticks


@pytest.mark.parametrize("values", [[50.0], [50, 50.1], [3, 98], [100], [0]])
def test_spans_hold_their_values(values):
    low, high = span(values, least=1, most=100)
    assert low < min(values) <= max(values) < high
    assert high - low >= 0.5


@pytest.mark.parametrize("values", [[7.0], [1, 1e6], [5, 6]])
def test_logarithmic_spans(values):
    low, high = log_span(values)
    assert 0 < low < min(values) <= max(values) < high
    assert high / low >= 2.9


def test_numbers_of_an_axis():
    assert [short(value) for value in (98.5, 5000, 200_000, 1.5e6, 10_000)] == ["98.5", "5,000", "200k", "1.5M", "10k"]


def test_a_front_goes_in_steps():
    assert steps([(1, 9), (4, 5), (8, 2)]) == "M1 9V5H4V2H8"
    assert steps([(1, 9)]) == steps([]) == ""


def test_interval():
    low, high = wilson(98.7, 10_000)
    assert (round(low, 2), round(high, 2)) == (98.46, 98.9)
    assert wilson(100, 10)[1] <= 100
    assert wilson(0, 10)[0] >= 0


@pytest.mark.parametrize(
    ("values", "own", "shown", "left_out"),
    [
        ([98.9, 98.4, 55], [98.9, 98.4], 98.4, 55),
        ([98.9, 94, 55], [98.9], 94, 55),
        ([98.9, 70, 55], [98.9, 70], 70, 55),
    ],
)
def test_the_axis_of_accuracy_holds_what_runs_at_its_own_levels(values, own, shown, left_out):
    axis = _Axis("test accuracy, %", lambda row, point: None, is_log=False)
    low = _scale(axis, values, own, 1).low
    assert left_out < low < shown
