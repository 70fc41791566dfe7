"""The repair study: its rows are trainings that can be, what is said of them, and what is refused."""

import re

import pytest
from tests.reproduce.conftest import panels

from rebnet.errors import OptionError
from rebnet.flow.study import _recipe
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.ir.notation import parse
from rebnet.nn.networks import NETWORKS
from rebnet.reproduce.records import read_run
from rebnet.reproduce.repair_study import NAMES, chosen, repair_study, runs_in
from rebnet.reproduce.repairs import (
    BASELINE,
    BENCHMARKS,
    FINDINGS,
    SEVERAL,
    SINGLE,
    benchmark_of,
    best_three,
    together,
)
from rebnet.train.request import check_request

CIFAR = BENCHMARKS["cifar10"]
STAGE = [{"binary": "all", "epochs": 20}]


@pytest.fixture
def measured(folder):
    """`measured(gains, names)`: runs of these rows, with a baseline of 59, 60 and 61 %."""

    def make(gains=None, names=NAMES, **changes):
        given = dict(zip((f"{BASELINE}-{seed}" for seed in (0, 1, 2)), (-1, 0, 1), strict=True)) | (gains or {})
        runs = []
        for repair in SINGLE:
            if repair.name in names:
                runs.append(read_run(made(folder, repair, 60 + given.get(repair.name, 0), **changes), bound_cycles))
        return runs

    return make


def made(folder, repair, accuracy, *, epochs=20, **changes):
    """The folder of a run that a row's training would have left."""
    recipe = _recipe(CIFAR, repair, 20).recorded()
    told = {"network": str(CIFAR.network(repair)), "dataset": "cifar10", "levels": 0}
    curve = [{"epoch": epoch, "validation_accuracy": accuracy} for epoch in range(1, epochs + 1)]
    record = {
        "network": str(CIFAR.network(repair)), "dataset": "cifar10", "levels": repair.levels, "seed": repair.seed,
        "epochs": epochs, "curve": curve, "recipe": recipe,
        "teacher": told if repair.taught else None, "test_accuracy": accuracy - 0.5, "validation_accuracy": accuracy,
    }  # fmt: skip
    return folder(repair.name, **{**record, **changes})


def test_the_networks_are_those_that_have_a_name():
    texts = (("block", "resnet-20-one-shortcut"), ("convolution", "resnet-20"), ("none", "resnet-20-plain"))
    for shortcuts, name in texts:
        assert parse(CIFAR.networks[shortcuts]) == parse(NETWORKS[name])
    hundred = parse(BENCHMARKS["npz:"].networks["convolution"])
    assert str(hundred).removesuffix("D100") == str(parse(NETWORKS["resnet-18"])).removesuffix("D10")


@pytest.mark.parametrize("dataset", BENCHMARKS)
def test_every_row_is_a_training(dataset):
    benchmark = BENCHMARKS[dataset]
    rows = [
        *SINGLE,
        *(together(best_three({one.name: -number for number, one in enumerate(SINGLE)}), m) for m in (1, 2, 3)),
    ]
    for repair in rows:
        recipe = _recipe(benchmark, repair, 20)
        described, asked = check_request(
            str(benchmark.network(repair)), "digits", repair.levels, recipe=recipe, seed=repair.seed
        )
        assert asked.epochs == 20
        assert described.without_folding() == benchmark.network(repair).without_folding(), repair.name


def test_rows_are_told_apart():
    assert len(set(NAMES)) == len(NAMES) == len(SINGLE) + 3
    assert {one.category for one in SINGLE} >= set(FINDINGS)
    assert len([one for one in SINGLE if one.category not in (BASELINE, SEVERAL)]) >= 16
    networks = {(str(CIFAR.network(one)), str(_recipe(CIFAR, one, 20)), one.seed, one.taught) for one in SINGLE}
    assert len(networks) == len(SINGLE)


def test_nothing_has_run():
    made = repair_study([], None)
    assert [row["row"] for row in made.record["rows"]] == list(NAMES)
    assert all(row["notes"] == ["not run yet"] and "validation_accuracy" not in row for row in made.record["rows"])
    assert made.record["baseline"] is None
    assert [one["holds"] for one in made.record["findings"]] == [None] * 3
    assert made.record["missing"] == ["rebnet reproduce repair-study --train runs/repair-study"]
    panels(made)


def test_what_holds_and_what_does_not(measured):
    gains = {"polynomial": 5, "shortcut-each": 2.5, "prelu": 4, "teacher": 3, "learned-thresholds": 1.5}
    made = repair_study(measured(gains), None)
    assert made.record["baseline"] == {"validation_accuracy": 60, "spread": 2}
    assert {one["category"]: (one["holds"], one["says"]) for one in made.record["findings"]} == {
        "feature binarizer": (True, "holds, gains 5.00 points, place 1 of 11 categories"),
        "feature normalization": (False, "does not hold, gains 1.50 points, place 5 of 11 categories"),
        "double residual": (False, "does not hold, gains 2.50 points, place 4 of 11 categories"),
    }
    row = next(row for row in made.record["rows"] if row["row"] == "polynomial")
    assert (row["gain"]["value"], row["test_accuracy"]["value"]) == (5, 64.5)
    together_rows = [row for row in made.record["rows"] if row["category"] == "together"]
    assert {row["changes"] for row in together_rows} == {"polynomial + prelu + teacher"}
    assert all(row["notes"] == ["not run yet"] for row in together_rows)
    (axes,) = panels(made)
    assert len(axes.patches) == len(SINGLE) + 1


def test_more_than_chance(measured):
    """The best of all is not believed where seeds differ as much."""
    found = repair_study(measured({"polynomial": 2}), None).record["findings"]
    assert [one["holds"] for one in found] == [False, False, False]


@pytest.mark.parametrize("without", ["baseline-1", "prelu"])
def test_a_row_less_and_nothing_is_decided(measured, without):
    runs = measured(names=[name for name in NAMES if name != without])
    assert [one["holds"] for one in repair_study(runs, None).record["findings"]] == [None] * 3
    assert chosen(runs) == ()


def test_the_best_three_can_be_put_together():
    gains = {one.name: 0.0 for one in SINGLE} | {
        "reactnet": 9, "learned-thresholds": 8, "polynomial": 7, "xnor-net": 6, "shortcut-each": 5, "teacher": 4,
        "attention": 3,
    }  # fmt: skip
    best = best_three(gains)
    assert [one.name for one in best] == ["learned-thresholds", "shortcut-each", "teacher"]
    merged = together(best, 3)
    assert (merged.method, merged.shortcuts, merged.taught, merged.levels) == ("reactnet-signs", "convolution", True, 3)
    assert merged.recipe == {"distillation": 0.5}


def test_a_run_of_something_else(measured):
    runs = measured({}, names=["polynomial"], levels=2)
    message = (
        f"{runs[0].name}: is not the training of the row polynomial, its levels, seed or teacher is another; leave it "
        "out, or train it into another folder with --train"
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        repair_study(runs, None)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"network": NETWORKS["resnet-20"]}, "network"),
        ({"recipe": {**_recipe(CIFAR, SINGLE[3], 20).recorded(), "estimator": "clip"}}, "estimator"),
        ({"recipe": {**_recipe(CIFAR, SINGLE[3], 20).recorded(), "method": "bnn"}}, "method"),
        ({"seed": 7}, "levels, seed or teacher"),
        (
            {"recipe": {**_recipe(CIFAR, SINGLE[3], 20).recorded(), "stages": [{"binary": "all", "epochs": 20}]}},
            "stages",
        ),
    ],
)
def test_what_a_run_says_is_held_against_its_row(measured, changes, wrong):
    with pytest.raises(OptionError, match=f"polynomial, its {wrong} is another"):
        repair_study(measured({}, names=["polynomial"], **changes), None)


def test_unequal_epochs(folder, measured):
    runs = measured({}, names=["polynomial"])
    other = read_run(made(folder, SINGLE[4], 60, epochs=10), bound_cycles)
    with pytest.raises(OptionError, match=r"^the runs have 10, 20 epochs; rows are compared at equal epochs"):
        repair_study([*runs, other], None)


def test_no_benchmark():
    with pytest.raises(OptionError, match=r"^dataset='mnist': the repair study has cifar10, npz:FILE, digits; use one"):
        repair_study([], "mnist")
    assert benchmark_of("npz:c.npz").title == "ResNet-18 on CIFAR-100"


def test_a_folder_of_runs(tmp_path, folder):
    made(folder, SINGLE[0], 60)
    assert runs_in(tmp_path) == [tmp_path / "baseline-0"]
    assert runs_in(tmp_path / "baseline-0") == [tmp_path / "baseline-0"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=r"holds no run that is named as a row of the study, such as baseline-0$"):
        runs_in(tmp_path / "empty")
