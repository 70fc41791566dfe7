"""Learning curves and the published accuracies beside them."""

import re

import pytest
from tests.reproduce.conftest import panels

from rebnet.errors import OptionError
from rebnet.reproduce.figure9 import figure9


def test_curves(run):
    made = figure9([run("two"), run("one", levels=1), run("digits", dataset="digits")], None)
    curves = made.record["curves"]
    assert [(curve["dataset"], curve["levels"]) for curve in curves] == [("mnist", 1), ("mnist", 2), ("digits", 2)]
    assert curves[0]["validation_accuracy"] == [90.5, 96]
    assert curves[0]["test_accuracy"]["value"] == 97.25
    assert [(line["by"], line["levels"], line["accuracy"]["value"]) for line in made.record["published"]] == [
        ("ReBNet paper", 1, 97.87), ("ReBNet paper", 2, 98.29), ("ReBNet paper", 3, 98.25),
        ("ReBNet logs", 1, 98.04), ("ReBNet logs", 2, 98.34), ("ReBNet logs", 3, 98.40),
    ]  # fmt: skip
    assert made.table.rows[1][:7] == ("MNIST", "2", "2", "96.00", "97.25", "98.29", "98.34")
    assert made.table.rows[2][:7] == ("digits", "2", "2", "96.00", "97.25", "", "")


def test_one_data_set(run):
    made = figure9([run("own"), run("digits", dataset="digits")], "digits")
    assert [curve["dataset"] for curve in made.record["curves"]] == ["digits"]
    assert made.record["published"] == []


def test_picture(run):
    (axes,) = panels(figure9([run("own")], None))
    curve, *published = [line for line in axes.lines if len(line.get_xdata())]
    assert list(zip(curve.get_xdata(), curve.get_ydata(), strict=True)) == [(1, 90.5), (2, 96)]
    assert [line.get_ydata()[0] for line in published] == [98.29, 98.34]
    low, high = axes.get_ylim()
    assert low < 90.5 < 98.34 < high


def test_a_data_set_without_runs(run):
    with pytest.raises(OptionError, match=re.escape(
        "dataset='svhn': none of the records is of a training on it, they are of mnist; name folders of its runs "
        "with --from"
    )):  # fmt: skip
        figure9([run("own")], "svhn")
