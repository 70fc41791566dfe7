"""Networks trained for seconds on Fashion-MNIST: integers give the labels of float64, on all test images at every m."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rebnet import datasets, flow
from rebnet.build_folder import EXPORTED
from rebnet.datasets.dataset import Dataset
from rebnet.engine.predictor import Predictor
from rebnet.engine.real import run_real
from rebnet.ir import storage
from rebnet.ir.ops import Affine
from rebnet.lower import PASSES
from rebnet.spec.scores import labels, score_scale

TEXT = "28x28x1 - C6:5x5/3 - { C6:3x3+same | }+ - MP2 - D16 - D10"
"""A block with a skip between layers whose sums are binarized at once."""

pytestmark = pytest.mark.data("fashion-mnist")
pytest.importorskip("torch")


@cache
def load(data_dir: Path) -> Dataset:
    return datasets.load("fashion-mnist", data_dir)


@pytest.mark.parametrize(
    ("levels", "bits", "any_levels"),
    [(2, 8, False), (3, 8, False), (3, 8, True), (2, 1, False), (3, 1, False), (4, 1, False)],
)
def test_every_label_is_that_of_float64(
    levels: int, bits: int, any_levels: bool, data_dir: Path, tmp_path: Path
) -> None:
    """All codes are those of float64, so that a score is off by no more than its own rounding, of A_j and B_j.

    A label can differ where the two best scores are nearer than that, and nowhere else.
    """
    dataset, some, run, build = load(data_dir), tmp_path / "some.npz", tmp_path / "run", tmp_path / "build"
    np.savez(some, images=dataset.train_images[:1_000], labels=dataset.train_labels[:1_000])
    flow.train(TEXT, f"npz:{some}", levels, run, epochs=2, input_bits=bits, any_levels=any_levels, quiet=True)
    network = flow.compile(run, build, until="lower")
    exported = storage.load(build / EXPORTED)
    real = exported
    for one_pass in PASSES[:-1]:
        real = one_pass(real)
    affine, last = real.nodes[-1].op, network.layers[-1].op
    assert isinstance(affine, Affine)
    predictor = Predictor(network, 1)
    for m in range(1, levels + 1):
        scores = predictor.predict(dataset.test_images, m)
        exact = run_real(exported, dataset.test_images, m, precision=np.float64)
        scale = score_scale(*(np.broadcast_to(x, (levels, 10))[m - 1] for x in (affine.a, affine.b)), 24)
        rounding = (last.reaches[m - 1] + 1) / 2
        assert np.abs(scores - scale * exact).max() <= rounding
        first, second = np.sort(exact, axis=1)[:, :-3:-1].T
        differing = labels(scores) != exact.argmax(axis=1)
        assert len(differing) == 10_000
        assert not differing[scale * (first - second) > 2 * rounding].any(), m
        assert len(np.unique(labels(scores))) > 5  # the networks tell clothes apart
