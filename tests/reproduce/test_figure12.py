"""Levels against widths at equal accuracy."""

from tests.reproduce.conftest import panels
from tests.reproduce.test_figure10 import built
from tests.reproduce.test_figure11 import wide

from rebnet.reproduce.figure12 import figure12

__all__ = ["built"]


def runs_of(run):
    accuracies = {(1, 1): 97.0, (1.5, 1): 98.0, (2, 1): 98.6, (1, 2): 98.0, (1, 3): 99.0}
    return [wide(run, width, levels, test_accuracy=value) for (width, levels), value in accuracies.items()]


def test_pairs(run):
    two, three = figure12(runs_of(run), None).record["pairs"]
    assert (two["levels"]["levels"], two["widened"]["scale"], two["equal"]) == (2, 1.5, True)
    assert (three["levels"]["levels"], three["widened"]["scale"], three["equal"]) == (3, 2, False)
    assert two["weights_ratio"] == round(73.219 / 40.8125, 4)
    assert two["throughput_ratio"] == round(round(200e6 / 312) / round(200e6 / 256), 4)
    assert "lut_ratio" not in two


def test_a_wider_training_is_asked_for(run):
    made = figure12(runs_of(run), None)
    text = "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"
    assert made.record["missing"][0] == (
        f"rebnet train --network '{text}' --dataset mnist --levels 1 --width 2.5 --output runs/mnist-s2.5-m1"
    )
    assert [row[-2] for row in made.table.rows] == ["", "yes", "", "no"]


def test_no_levels(run):
    made = figure12([wide(run, 1, 1)], None)
    assert made.record["pairs"] == []
    assert [command.split("--levels ")[1] for command in made.record["missing"]] == [
        "2 --output runs/mnist-s1-m2", "3 --output runs/mnist-s1-m3",
    ]  # fmt: skip
    panels(made)


def test_resources(built):
    made = figure12([built(1, LUT=12_000), built(2, LUT=8_000)], None)
    (pair,) = made.record["pairs"]
    assert pair["equal"]
    assert pair["lut_ratio"] == 1.5
    assert pair["levels"]["LUT"]["value"] == 8_000
    assert made.record["missing"] == []


def test_picture(run):
    speed, weights = panels(figure12(runs_of(run), None))
    assert [len(line.get_xdata()) for line in speed.lines] == [2, 1, 1, 2, 1, 1]
    assert weights.lines[0].get_xdata()[0] == 40.8125
