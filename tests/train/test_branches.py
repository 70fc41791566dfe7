"""Trainings of networks with branches: they learn, go on bit for bit, start and learn from others."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.train.test_loop import interrupt_after, same

from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.export import export_run
from rebnet.ir.features import Rescale
from rebnet.lower import lower
from rebnet.train import RECIPES, load_model, recipe, train

RESNET = "6x6x1 - C8:3x3+same - { C8:3x3+same | }+ - { C12:3x3/2+same | C12:1x1/2 }+ - GAP - D3"
QUICK = replace(RECIPES["default"], batch_size=50, warmup_steps=10, feature_bits=6)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(recipe.RECIPES, "blobs", QUICK)


def options(epochs=1):
    return {"epochs": epochs, "quiet": True}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_learns_and_resumes_in_the_same_bits(blob_dataset, tmp_path, monkeypatch, precision):
    monkeypatch.setitem(recipe.RECIPES, "blobs", replace(QUICK, batch_size=20, precision=precision))
    record = train(RESNET, blob_dataset, 2, tmp_path / "whole", **options(3))
    assert record["curve"][-1]["loss"] < 0.8 * record["curve"][0]["loss"]
    assert record["test_accuracy"] > 60
    assert record["recipe"]["feature_bits"] == 6
    assert len(record["gammas"]) == 3
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            train(RESNET, blob_dataset, 2, tmp_path / "cut", **options(3))
    train(RESNET, blob_dataset, 2, tmp_path / "cut", resume=True, **options(3))
    assert same(tmp_path / "whole", tmp_path / "cut")


def test_any_level_network_from_others(blob_dataset, tmp_path):
    """A float network, a network of one level that starts and learns from it, and one of any level from that."""
    train(RESNET, blob_dataset, 0, tmp_path / "float", **options())
    train(RESNET, blob_dataset, 1, tmp_path / "one", start=tmp_path / "float", teacher=tmp_path / "float", **options())
    record = train(
        RESNET, blob_dataset, 2, tmp_path / "any", start=tmp_path / "one", teacher=tmp_path / "one", any_levels=True,
        **options(2),
    )  # fmt: skip
    assert len(record["test_accuracies"]) == 2
    exported = export_run(tmp_path / "any")
    assert {op.scale.shape[0] for op in exported.ops if isinstance(op, Rescale)} == {2}
    lowered, images = lower(exported), blob_dataset.test_images
    model, _ = load_model(tmp_path / "any")
    with torch.no_grad():
        wanted = model(torch.from_numpy(images)).argmax(1).numpy()
    for m in (1, 2):
        labels = run(lowered, images, m).argmax(1)
        accuracy = 100 * np.mean(labels == blob_dataset.test_labels)
        assert accuracy == pytest.approx(record["test_accuracies"][m - 1], abs=0.51)
        assert np.array_equal(labels, run_real(exported, images, m, precision=np.float64).argmax(1))
    assert np.mean(labels == wanted) > 0.99
