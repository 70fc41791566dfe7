"""Which builds nothing beats, and where the figures at m levels come from."""

import random

import pytest
from tests.records.chained import rechain

from rebnet import flow
from rebnet.files import file_hash, read_json, write_record
from rebnet.report.operating import front, lanes, operating, resources
from rebnet.report.records import read_build


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([], []),
        ([None], []),
        ([(1, 1)], [0]),
        ([(1, 2), (2, 1)], [0, 1]),
        ([(2, 1), (1, 2)], [1, 0]),
        ([(1, 1), (2, 2)], [1]),
        ([(1, 1), (2, 1)], [1]),
        ([(1, 1), (1, 2), None], [1]),
        ([(1, 1), (1, 1)], [0, 1]),
    ],
)
def test_front(points, best):
    assert front(points) == best


def test_nothing_beats_the_front_and_all_else_is_beaten():
    draw = random.Random(4)
    points = [(draw.randrange(20), draw.randrange(20)) for _ in range(60)]
    best = front(points)

    def beats(a, b):
        return a != b and a[0] >= b[0] and a[1] >= b[1]

    for place, point in enumerate(points):
        assert any(beats(other, point) for other in points) == (place not in best)
    assert [points[place] for place in best] == sorted(points[place] for place in best)


def simulation(build, **changes):
    record = {
        "inputs": {"ports": file_hash(build / "ports.json")}, "dataset": "digits", "images": 30, "levels": [3],
        "stalls": None, "mismatches": 0, "accuracy": 13.3333, "cycles_per_image": 45.5, "bound_cycles": 45,
        "latency_cycles": 99,
    }  # fmt: skip
    write_record(build / "simulation.json", {**record, **changes})


def test_measured_figures_come_first(build):
    simulation(build)
    evaluation = flow.evaluate(build, "digits")
    read = read_build(build)
    at = operating(read, 3)
    assert (at.cycles.value, at.cycles.origin) == (45.5, "simulated, 30 images")
    assert (at.accuracy.value, at.accuracy.is_measured) == (evaluation["accuracy"], True)
    assert at.images_per_second == 200e6 / 45.5


def test_fewer_levels(build):
    simulation(build)
    read = read_build(build)
    at = operating(read, 1)
    assert (at.cycles.value, at.cycles.is_measured) == (read.accelerator.bound_cycles(1), False)
    assert at.accuracy is None


@pytest.mark.parametrize("changes", [{"levels": [3, 1]}, {"cycles_per_image": None}, {"levels": [2]}])
def test_a_simulation_of_something_else_is_not_used(build, changes):
    simulation(build, **changes)
    assert operating(read_build(build), 3).cycles.origin == "cycle model"


def test_accuracy_of_the_training(build):
    training = read_json(build / "training.json")
    write_record(build / "training.json", {**training, "test_accuracies": [10, 20.5, 30]})
    rechain(build)
    network = read_json(build / "network.json")
    assert network["levels"] == 3
    at = [operating(read_build(build), m).accuracy for m in (1, 2, 3)]
    assert [(known.value, known.origin, known.is_measured) for known in at] == [
        (10, "float network", False), (20.5, "float network", False), (30, "float network", False),
    ]  # fmt: skip


COUNTS = {"LUT": 100, "FF": 50, "BRAM_36K": 2, "BRAM_18K": 3, "DSP": 1}


def test_synthesis_comes_before_the_model(build):
    assert resources(read_build(build)) is None
    folding = read_json(build / "folding.json")
    model = {"part": "xc7z020", "total": {**COUNTS, "LUT": 90}, "device": COUNTS, "modules": []}
    write_record(build / "folding.json", {**folding, "predicted_resources": model})
    rechain(build)
    found = resources(read_build(build))
    assert (found.used["LUT"], found.is_measured) == (90, False)
    assert found.origin == "predicted for xc7z020 by the cost model"
    write_record(build / "synthesis.json", {"part": "xc7s50", "tool": "Yosys 1", "total": COUNTS, "device": COUNTS})
    rechain(build)
    found = resources(read_build(build))
    assert (found.used["LUT"], found.bram, found.is_measured) == (100, 3.5, True)
    assert found.origin == "synthesised for xc7s50 with Yosys 1"


def test_lanes(build):
    read = read_build(build)
    assert lanes(read) == 5 * 16 * 8 + 2 * 5 + 3 * 4
