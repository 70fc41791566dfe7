"""The shipped CIFAR-10 networks: their records, and images through the RTL, at the paper's folding and faster."""

from pathlib import Path

import pytest

from rebnet import flow, zoo
from rebnet.datasets import load
from rebnet.engine.predictor import Predictor
from rebnet.files import read_record
from rebnet.ir import storage
from rebnet.lower import lower

MOST_BEHIND = {1: 2.8, 2: 1.3, 3: 1.6}
"""Points. The networks for one M learnt 55 to 134 epochs more than the any-level one; that one is due for more."""
BOUNDS = {1: 32_768, 2: 65_536, 3: 98_304}

pytestmark = pytest.mark.data("cifar10")


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
    folded = read_record(build / "folding.json", {"predicted_latency_cycles": int, "fifos": list})
    assert record["latency_cycles"] == folded["predicted_latency_cycles"]
    for fifo in folded["fifos"]:
        assert record["fifo_peaks"][fifo["name"]] <= fifo["predicted_peak"] <= fifo["depth"]


@pytest.mark.rtl
def test_an_any_level_network_through_the_rtl(tmp_path: Path, data_dir: Path) -> None:
    build = tmp_path / "build"
    flow.compile("zoo:cifar10-arch-2-any", build, folding="balanced", target_cycles=8_192)
    for levels in ((1,), (2,), (3,), (3, 1, 2)):
        record = flow.simulate(build, "cifar10", images=20, levels=levels, data_dir=data_dir, processes=1).record
        assert (record["images"], record["mismatches"]) == (20, 0)
        if len(levels) == 1:
            assert record["cycles_per_image"] == record["bound_cycles"]


def test_an_any_level_network_beside_each_dedicated_one(data_dir: Path) -> None:
    """All test images, integers; and the records that ship say what the networks do."""
    dataset = load("cifar10", data_dir)
    found = {}
    for name in ("m1", "m2", "m3", "any"):
        folder = zoo.folder(f"cifar10-arch-2-{name}")
        recorded = read_record(folder / "evaluation.json", {"accuracy": float, "levels": int})
        predictor = Predictor(lower(storage.load(folder)))
        for m in (1, 2, 3) if name == "any" else (recorded["levels"],):
            right = predictor.labels(dataset.test_images, m) == dataset.test_labels
            found[name, m] = round(100 * float(right.mean()), 4)
        assert found[name, recorded["levels"]] == recorded["accuracy"]
    for m in (1, 2, 3):
        assert found["any", m] >= found[f"m{m}", m] - MOST_BEHIND[m]
