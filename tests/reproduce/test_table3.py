"""Rows of Table III: theirs, ours, and what is not measured."""

import re

import pytest
from tests.reproduce.conftest import lines, panels

from rebnet.errors import OptionError
from rebnet.reproduce.published import DATASETS
from rebnet.reproduce.table3 import table3


def ours(made):
    return [row for row in made.record["rows"] if row["by"] == "rebnet"]


def test_rows_of_one_data_set(run):
    made = table3([run("own")], "mnist")
    rows = made.record["rows"]
    assert [(row["by"], row["levels"]) for row in rows] == [
        ("FINN", None),
        *(("ReBNet paper", m) for m in (1, 2, 3)),
        *(("ReBNet logs", m) for m in (1, 2, 3)),
        *(("rebnet", m) for m in (1, 2, 3)),
    ]
    assert rows[0]["published_accuracy"]["value"] == 95.83
    assert rows[0]["images_per_second"]["value"] == 6.3e5
    assert "images_per_second" not in rows[4]
    one, two, three = ours(made)
    assert one == {"dataset": "mnist", "by": "rebnet", "levels": 1, "notes": ["not measured"]}
    assert three == {**one, "levels": 3}
    assert two["notes"] == []
    assert (two["float_accuracy"]["value"], two["model_cycles"]["value"]) == (97.25, 256)
    assert not {"integer_accuracy", "rtl_cycles"} & set(two)
    assert made.table.rows[-2] == ("MNIST", two["run"], "2", "", "97.25", "", "256", "", "781,250")
    assert made.table.rows[-1] == ("MNIST", "rebnet; not measured", "3", "", "", "", "", "", "")


def test_data_sets_without_runs_have_no_numbers(run):
    made = table3([run("own")], None)
    assert {row["dataset"] for row in made.record["rows"]} == set(DATASETS)
    for row in ours(made):
        if row["dataset"] != "mnist":
            assert row == {"dataset": row["dataset"], "by": "rebnet", "levels": None, "notes": ["not measured"]}


def test_two_runs_of_the_same_levels_and_more_levels(run):
    made = table3([run("a"), run("b"), run("c", levels=4)], "mnist")
    assert [row["levels"] for row in ours(made)] == [1, 2, 2, 3, 4]


def test_another_network_says_so(run):
    text = "28x28x1 - D16(1,1) - D10(1,1)"
    (row,) = [row for row in ours(table3([run("own", network=text)], "mnist")) if row["levels"] == 2]
    assert row["notes"] == ["another network than the paper's"]


def test_picture(run):
    mnist, _, svhn, _ = panels(table3([run("two"), run("one", levels=1, test_accuracy=96.0)], None))
    assert lines(mnist) == {
        "FINN": [(6.3e5, 95.83)],
        "ReBNet paper": [(6.4e5, 97.87), (3.3e5, 98.29), (2.3e5, 98.25)],
        "rebnet, float network": [(round(200e6 / 208), 96.0), (781_250, 97.25)],
    }
    assert lines(svhn)["rebnet: not measured"] == []


def test_refusals(run):
    with pytest.raises(OptionError, match=re.escape(
        "dataset='digits': the paper's Table III has mnist, cifar10, svhn, imagenet; use one of these"
    )):  # fmt: skip
        table3([run("own")], "digits")
    other = run("own", dataset="digits")
    with pytest.raises(OptionError, match=re.escape(
        f"{other.name}: trained on digits, and the paper's Table III has mnist, cifar10, svhn, imagenet; leave it out"
    )):  # fmt: skip
        table3([other], None)
