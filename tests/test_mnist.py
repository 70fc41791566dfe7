"""The shipped MNIST networks: every test image through the RTL at the paper's folding."""

from pathlib import Path

import pytest

from rebnet import flow, zoo
from rebnet.files import read_json

BOUNDS = {1: 208, 2: 256, 3: 384}
ACCURACY = {1: 98.1, 2: 98.6, 3: 98.6}  # percent; the paper has 97.87, 98.29, 98.25

pytestmark = [pytest.mark.data("mnist"), pytest.mark.rtl]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_all_images_through_the_rtl(levels: int, tmp_path: Path, data_dir: Path) -> None:
    build = tmp_path / "build"
    flow.compile(f"zoo:mnist-arch-1-m{levels}", build, folding="paper")
    evaluation = flow.evaluate(build, "mnist", data_dir=data_dir)
    record = flow.simulate(build, "mnist", data_dir=data_dir).record
    assert record["images"] == 10_000
    assert record["mismatches"] == 0
    assert record["cycles_per_image"] == record["bound_cycles"] == BOUNDS[levels]
    assert record["accuracy"] == evaluation["accuracy"] >= ACCURACY[levels]
    assert evaluation["accuracy"] == evaluation["float_accuracy"]
    assert evaluation["labels_differing"] == 0
    if levels == 3:
        check_other_levels(build, data_dir)


def check_other_levels(build: Path, data_dir: Path) -> None:
    """The M = 3 accelerator at fewer levels, and at levels that change with every image."""
    for fewer in (1, 2):
        record = flow.simulate(build, "mnist", data_dir=data_dir, levels=(fewer,)).record
        assert record["mismatches"] == 0
        assert record["cycles_per_image"] == record["bound_cycles"] == BOUNDS[fewer]
    for stalls in (None, 7):
        mixed = flow.simulate(build, "mnist", data_dir=data_dir, levels=(3, 1, 2), stalls=stalls).record
        assert mixed["images"] == 10_000
        assert mixed["mismatches"] == 0


def test_an_any_level_network_at_every_level(tmp_path: Path, data_dir: Path) -> None:
    """One accelerator, one set of weights: every image at 1, 2 and 3 levels, each within a point of its own network."""
    build = tmp_path / "build"
    flow.compile("zoo:mnist-arch-1-any", build, folding="paper")
    for levels in (1, 2, 3):
        evaluation = flow.evaluate(build, "mnist", data_dir=data_dir, levels=levels)
        record = flow.simulate(build, "mnist", data_dir=data_dir, levels=(levels,)).record
        assert (record["images"], record["mismatches"]) == (10_000, 0)
        assert record["cycles_per_image"] == record["bound_cycles"] == BOUNDS[levels]
        own = read_json(zoo.folder(f"mnist-arch-1-m{levels}") / "evaluation.json")
        assert record["accuracy"] == evaluation["accuracy"] >= own["accuracy"] - 1
