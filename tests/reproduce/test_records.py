"""Which record a number comes from, and records that are no good."""

import re

import pytest
from tests.records.chained import put

from rebnet.errors import FileFormatError, OptionError
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.reproduce.records import read_run, read_runs
from rebnet.zoo import OF_THE_PAPER

EVALUATION = {
    "dataset": "mnist", "engine": "packed", "images": 10_000, "levels": 2, "accuracy": 97.24, "float_accuracy": 97.25,
}  # fmt: skip
SIMULATION = {
    "dataset": "mnist", "levels": [2], "images": 50, "stalls": None, "mismatches": 0, "accuracy": 98.0,
    "cycles_per_image": 300.5, "bound_cycles": 256,
}  # fmt: skip
FOLDED = [("a", 16, 64), ("b", 32, 16), ("c", 16, 32), ("d", 16, 4)]
FOLDING = {
    "levels": 2,
    "layers": [{"name": name, "pe": pe, "simd": simd, "level_lanes": 1} for name, pe, simd in FOLDED],
    "fifos": [],
    "samples_per_beat": 4,
    "bound_cycles": 256,
    "predicted_cycles_per_image": 260.0,
    "predicted_latency_cycles": 900,
    "limiting_fifos": [],
}


AGAIN = "run the stage that writes it again"


def test_a_run_alone(run):
    own = run("own")
    assert (own.float_accuracy.value, own.float_accuracy.unit) == (97.25, "%")
    assert own.float_accuracy.origin == f"{own.name}/training.json test_accuracy"
    assert own.integer_accuracy is None
    assert own.accuracy is own.float_accuracy
    assert own.model_cycles is not None
    assert (own.model_cycles.value, own.rtl_cycles, own.paper_folding) == (256, None, True)
    assert own.images_per_second is not None
    assert own.images_per_second.value == round(200e6 / 256)
    assert own.images_per_second.origin == "200 MHz (assumed, as in the paper's Table III) / model_cycles"
    assert own.validation == (90.5, 96)


def test_a_build_with_everything(folder):
    build = folder("build")
    put(build / "evaluation.json", EVALUATION)
    put(build / "simulation.json", SIMULATION)
    put(build / "folding.json", FOLDING)
    run = read_run(build, bound_cycles)
    assert (run.accuracy.value, run.accuracy.origin) == (97.24, f"{build}/evaluation.json accuracy")
    assert run.model_cycles is not None
    assert run.model_cycles.origin == f"{build}/folding.json predicted_cycles_per_image"
    assert (run.model_cycles.value, run.paper_folding) == (260.0, True)
    assert run.rtl_cycles is not None
    assert (run.rtl_cycles.value, run.rtl_cycles.origin) == (
        300.5, f"{build}/simulation.json cycles_per_image, 50 images",
    )  # fmt: skip
    assert run.images_per_second is not None
    assert run.images_per_second.value == round(200e6 / 300.5)
    assert run.images_per_second.origin.endswith("/ rtl_cycles")


def test_another_folding(folder):
    build = folder("build")
    put(build / "folding.json", {**FOLDING, "layers": [{**FOLDING["layers"][0], "pe": 1}]})
    assert not read_run(build, bound_cycles).paper_folding


@pytest.mark.parametrize("changes", [{"levels": 1}, {"dataset": "fashion-mnist"}])
def test_an_evaluation_of_something_else_is_not_used(folder, changes):
    build = folder("build")
    put(build / "evaluation.json", {**EVALUATION, **changes})
    assert read_run(build, bound_cycles).integer_accuracy is None


@pytest.mark.parametrize(
    "changes", [{"levels": [2, 1]}, {"levels": [1]}, {"dataset": "digits"}, {"cycles_per_image": None}]
)
def test_a_simulation_of_something_else_is_not_used(folder, changes):
    build = folder("build")
    put(build / "simulation.json", {**SIMULATION, **changes})
    assert read_run(build, bound_cycles).rtl_cycles is None


def test_an_open_folding_has_no_cycles(run):
    own = run("own", network="28x28x1 - D16 - D10")
    assert (own.model_cycles, own.images_per_second, own.paper_folding) == (None, None, False)


def test_the_zoo_is_read_where_nothing_is_named(run):
    runs = read_runs((), bound_cycles)
    assert [each.name for each in runs] == [f"zoo:{name}" for name in OF_THE_PAPER]
    assert {each.name: each.model_cycles.value for each in runs if each.dataset == "mnist"} == {
        "zoo:mnist-arch-1-m1": 208, "zoo:mnist-arch-1-m2": 256, "zoo:mnist-arch-1-m3": 384,
        "zoo:mnist-arch-1-any": 384,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "28x28x1"}, "key 'network' holds no network text (network text '28x28x1': no layer follows the "
         "image; add one, such as ' - D10'); train again"),
        ({"curve": []}, f"key 'curve' holds [], it must hold a list of 1 to 100,000 entries; {AGAIN}"),
        ({"curve": [{"epoch": 1}]}, "key 'curve[0].validation_accuracy' is missing, it must hold a number from 0 to "
         f"100; {AGAIN}"),
        ({"curve": [{"epoch": 2, "validation_accuracy": 9}]}, "key 'curve' does not count its epochs 1, 2, 3 and so "
         f"on; {AGAIN}"),
        ({"levels": "2"}, f"key 'levels' holds '2', it must hold a whole number from 0 to 8; {AGAIN}"),
    ],
)  # fmt: skip
def test_edited_trainings(folder, changes, message):
    place = folder("edited", **changes)
    with pytest.raises(FileFormatError, match=f"^{re.escape(f'{place}/training.json: {message}')}$"):
        read_run(place, bound_cycles)


def test_mismatches(folder):
    build = folder("build")
    put(build / "simulation.json", {**SIMULATION, "mismatches": 4})
    message = (
        f"{build}/simulation.json: mismatches=4; an RTL that computes something else has no place in a comparison; "
        "compile and simulate again, or leave the folder out"
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        read_run(build, bound_cycles)
