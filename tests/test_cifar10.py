"""The shipped CIFAR-10 networks: their records, other seeds, and images through the RTL at two foldings."""

from functools import cache
from pathlib import Path

import pytest

from rebnet import flow, zoo
from rebnet.datasets import load
from rebnet.engine.predictor import Predictor
from rebnet.files import read_json
from rebnet.ir import storage
from rebnet.lower import lower

BOUNDS = {1: 32_768, 2: 65_536, 3: 98_304}

SEEDS = sorted((Path(__file__).parents[1] / "benchmarks" / "seeds").glob("cifar10-arch-2-m2-seed*"))
"""M = 2 with other seeds than the one that ships."""

pytestmark = pytest.mark.data("cifar10")


def shipped(name: str) -> Path:
    return zoo.folder(f"cifar10-arch-2-{name}")


@pytest.mark.rtl
@pytest.mark.parametrize(("levels", "target", "images"), [(1, None, 8), (2, None, 6), (3, None, 4), (2, 8_192, 20)])
def test_images_through_the_rtl(levels: int, target: int | None, images: int, tmp_path: Path, data_dir: Path) -> None:
    build = tmp_path / "build"
    folding = "paper" if target is None else "balanced"
    flow.compile(f"zoo:cifar10-arch-2-m{levels}", build, folding=folding, target_cycles=target)
    record = flow.simulate(build, "cifar10", images=images, data_dir=data_dir, processes=1).record
    assert record["mismatches"] == 0
    assert record["cycles_per_image"] == record["bound_cycles"]
    assert record["bound_cycles"] == BOUNDS[levels] if target is None else record["bound_cycles"] <= target
    folded = read_json(build / "folding.json")
    assert record["latency_cycles"] == folded["predicted_latency_cycles"]
    for fifo in folded["fifos"]:
        assert record["fifo_peaks"][fifo["name"]] <= fifo["predicted_peak"] <= fifo["depth"]


@pytest.mark.rtl
def test_a_network_with_branches_through_the_rtl(tmp_path: Path, data_dir: Path) -> None:
    build = tmp_path / "build"
    flow.compile("zoo:cifar10-resnet-20-m2", build, folding="balanced", target_cycles=9_216)
    record = flow.simulate(build, "cifar10", images=2, data_dir=data_dir, processes=1).record
    assert (record["images"], record["mismatches"]) == (2, 0)
    assert record["cycles_per_image"] == record["bound_cycles"] == 9_216
    assert record["latency_cycles"] == read_json(build / "folding.json")["predicted_latency_cycles"]


@pytest.mark.rtl
def test_an_any_level_network_through_the_rtl(tmp_path: Path, data_dir: Path) -> None:
    build = tmp_path / "build"
    flow.compile("zoo:cifar10-arch-2-any", build, folding="balanced", target_cycles=8_192)
    for levels in ((1,), (2,), (3,), (3, 1, 2)):
        record = flow.simulate(build, "cifar10", images=20, levels=levels, data_dir=data_dir, processes=1).record
        assert (record["images"], record["mismatches"]) == (20, 0)
        if len(levels) == 1:
            assert record["cycles_per_image"] == record["bound_cycles"]


@cache
def accuracy(folder: Path, m: int, data_dir: Path) -> float:
    """Percent of all test images, integers."""
    dataset = load("cifar10", data_dir)
    labels = Predictor(lower(storage.load(folder))).labels(dataset.test_images, m)
    return round(100 * float((labels == dataset.test_labels).mean()), 4)


BRANCHED = [zoo.folder(name) for name in zoo.NAMES if "resnet" in name]
RECORDED = [*map(shipped, ("m1", "m2", "m3", "any")), *BRANCHED, *SEEDS]


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_the_records_say_what_the_networks_do(folder: Path, data_dir: Path) -> None:
    recorded = read_json(folder / "evaluation.json")
    assert accuracy(folder, recorded["levels"], data_dir) == recorded["accuracy"]


@pytest.mark.parametrize("m", [1, 2, 3])
def test_an_any_level_network_is_within_a_point_of_each_dedicated_one(m: int, data_dir: Path) -> None:
    assert accuracy(shipped("any"), m, data_dir) >= accuracy(shipped(f"m{m}"), m, data_dir) - 1


def test_seeds_differ_in_nothing_else() -> None:
    told = [read_json(folder / "training.json") for folder in (shipped("m2"), *SEEDS)]
    assert [record["seed"] for record in told] == list(range(len(told)))
    for key in ("network", "dataset", "recipe", "levels", "epochs", "start_from", "teacher"):
        assert all(record[key] == told[0][key] for record in told)
