"""Widths against levels, and what to run where there are none."""

import re

import pytest
from tests.reproduce.conftest import lines, panels

from rebnet.errors import OptionError
from rebnet.nn.networks import architecture, widen
from rebnet.reproduce.figure11 import figure11


def wide(run, width, levels, network="arch-1", **changes):
    text = str(widen(architecture(network), width))
    return run(f"s{width}-m{levels}", network=text, levels=levels, **changes)


def test_points(run):
    made = figure11([wide(run, 2, 1), wide(run, 1, 1), wide(run, 1.5, 3)], None)
    points = made.record["points"]
    assert [(point["scale"], point["levels"]) for point in points] == [(1, 1), (2, 1), (1.5, 3)]
    assert [point["model_cycles"]["value"] for point in points] == [208, 512, 864]
    assert [point["weights_kib"] for point in points] == [40.812, 113.625, 73.219]
    assert made.table.rows[2][:9] == ("MNIST", "1.5", "3", "97.25", "", "864", "", "231,481", "73.22")


def test_picture(run):
    width, throughput, weights = panels(figure11([wide(run, 2, 1), wide(run, 1, 1, test_accuracy=96.0)], None))
    assert lines(width) == {"M=1": [(1, 96.0), (2, 97.25)]}
    assert lines(throughput) == {"M=1": [(round(200e6 / 208), 96.0), (round(200e6 / 512), 97.25)]}
    assert lines(weights) == {"M=1": [(40.8125, 96.0), (113.625, 97.25)]}


def test_weights_of_convolutions(run):
    runs = [run(f"w{rows}", network=f"8x8x1 - C{rows} - MP2 - D{rows} - D10", dataset="digits") for rows in (4, 8)]
    made = figure11(runs, None)
    bits = [9 * rows + 9 * rows * rows + 10 * rows for rows in (4, 8)]
    assert [(point["scale"], point["weights_kib"]) for point in made.record["points"]] == [
        (scale, round(count / 8192, 3)) for scale, count in zip((1, 2), bits, strict=True)
    ]
    assert "images_per_second" not in made.record["points"][0]


def test_data_sets_at_one_width_are_left_out(run):
    runs = [wide(run, 1, 1), wide(run, 2, 1), run("c", dataset="digits", network="8x8x1 - D8 - D10")]
    assert {point["dataset"] for point in figure11(runs, None).record["points"]} == {"mnist"}


def test_one_width_says_what_to_run(run):
    one = wide(run, 1, 2)
    folders = [f"runs/mnist-s{s:g}-m{m}" for s in (1, 1.5, 2) for m in (1, 2, 3)]
    folders[1] = one.name
    commands = [
        f"  rebnet train --network arch-1 --dataset mnist --levels {m} --width {s:g} --output runs/mnist-s{s:g}-m{m}"
        for s in (1, 1.5, 2)
        for m in (1, 2, 3)
        if (s, m) != (1, 2)
    ]
    message = "\n".join(
        (
            "figure 11 compares widths, and no records of mnist at two widths were named; train some, such as",
            *commands,
            f"  rebnet reproduce figure11 --dataset mnist {' '.join(f'--from {folder}' for folder in folders)}",
        )
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        figure11([one], None)


def test_nothing_of_a_data_set(run):
    with pytest.raises(OptionError, match=re.escape(
        "dataset='digits': none of the records is of a training on it; figure 11 needs trainings at two widths or "
        "more; make them with 'rebnet train --width S' and name their folders with --from"
    )):  # fmt: skip
        figure11([run("own")], "digits")
    with pytest.raises(OptionError, match="rebnet train --network arch-2 --dataset svhn --levels 1 --width 1 "):
        figure11([run("own")], "svhn")


def test_another_network(run):
    runs = [wide(run, 1, 1), run("odd", network="28x28x1 - D16 - D10")]
    with pytest.raises(OptionError, match=re.escape(
        f"{runs[1].name}: its network 28x28x1 - D16 - D10 is not 28x28x1 - D256 - D256 - D256 - D10 with hidden "
        "layers of another width; leave it out"
    )):  # fmt: skip
        figure11(runs, None)
