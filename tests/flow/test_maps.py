"""Networks that answer on a map, from label maps in a file to the RTL."""

import json

import numpy as np
import pytest

from rebnet import datasets, errors, flow, load
from rebnet.datasets.dataset import VOID
from rebnet.engine.real import run_real
from rebnet.records import Online, Simulation, read

TEXTS = {
    "a map as large as the image": ("8x9x1 - C6:3x3+same - C3:1x1", 1),
    "smaller and larger again": ("8x9x1 - C6:3x3+same - MP2x3 - C4:3x3+same - U2x3 - C3:3x3+same", 1),
    "every other place, branches": ("8x9x1 - C4:3x3+same - { C4:3x3+same | }+ - C3:3x3/2+same", 2),
}


def scenes(count, seed, stride):
    """Bright and middling bars on a dark ground; the last row and column of the labels are not judged."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((count, 8, 9), dtype=np.int64)
    for one in labels:
        one[:, rng.integers(9)] = 1
        one[rng.integers(8)] = 2
    images = rng.integers(0, 60, labels.shape) + 90 * labels
    labels[:, -1] = labels[:, :, -1] = VOID
    return images[..., None].astype(np.uint8), labels[:, ::stride, ::stride]


@pytest.fixture(scope="module", params=TEXTS)
def trained(request, tmp_path_factory):
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("a map of labels")
    text, stride = TEXTS[request.param]
    (images, labels), (test_images, test_labels) = scenes(300, 0, stride), scenes(40, 1, stride)
    arrays = {"images": images, "labels": labels, "test_images": test_images, "test_labels": test_labels}
    np.savez(folder / "scenes.npz", **arrays, class_names=np.array(["ground", "up", "across"]))
    recipe = {"epochs": 12, "flip": True, "shift_pixels": int(stride == 1), "batch_size": 20, "warmup_steps": 5}
    data = f"npz:{folder / 'scenes.npz'}"
    from rebnet.train import train
    from rebnet.train.recipe import Recipe

    train(text, datasets.load(data), 2, folder / "run", recipe=Recipe(**recipe), quiet=True)
    return folder, data


@pytest.mark.rtl
def test_from_label_maps_to_the_rtl(trained):
    folder, data = trained
    build = folder / "build"
    network = flow.compile(folder / "run", build, folding="balanced")
    test = datasets.load(data)
    record = flow.evaluate(build, data, engine="both")
    assert record.mismatches == 0
    predicted = load(build).labels(test.test_images)
    assert predicted.shape == test.test_labels.shape == (40, *network.scores_shape[:-1])
    judged = test.test_labels != VOID
    right = (predicted == test.test_labels)[judged]
    there = flow.evaluate(build, data, where=f"simulator:{build}")
    assert (there.images, there.labels, there.labels_differing) == (40, judged.sum(), 0)
    assert there.accuracy == record.accuracy
    assert record.labels == judged.sum() < test.test_labels.size
    assert record.accuracy == round(100 * right.mean(), 4)
    assert (
        record.accuracy > 100 * np.bincount(test.test_labels[judged]).max() / judged.sum()
    )  # it has learned something
    for place, share in enumerate(record.class_iou):
        labelled, taken = test.test_labels[judged] == place, predicted[judged] == place
        assert share == pytest.approx(100 * (labelled & taken).sum() / (labelled | taken).sum(), abs=1e-4)
    assert record.mean_iou == pytest.approx(np.mean(record.class_iou), abs=1e-4)
    training = json.loads((folder / "run" / "training.json").read_text())
    assert training["test_accuracy"] == pytest.approx(record.float_accuracy, abs=0.5)

    simulation = flow.simulate(build, data, images=5).record
    assert (simulation.mismatches, simulation.labels) == (0, judged[:5].sum())
    assert simulation.cycles_per_image == simulation.bound_cycles
    page = flow.report([build], folder / "page.html").read_text()
    assert "mean intersection over union" in page
    assert ">across<" in page
    assert f" of {predicted.size:,}.</p>" in page

    if network.is_chain:
        flow.evaluate(build, data, online=True)
        assert read(build / "online.json", Online).labels == record.labels
    with pytest.raises(errors.OptionError, match="answers on a map"):
        flow.evaluate(build, data, adaptive=(1, 2))
    with pytest.raises(errors.DatasetError, match="labels are one an image, the answers of the network"):
        flow.evaluate(build, one_an_image(folder, test))


@pytest.mark.rtl
def test_images_of_which_no_place_is_judged(trained):
    """The first ones of a test set, which a simulation takes."""
    folder, data = trained
    flow.compile(folder / "run", folder / "unjudged")
    test = datasets.load(data)
    test.test_labels[:2] = VOID
    arrays = {"images": test.train_images, "labels": test.train_labels}
    arrays |= {"test_images": test.test_images, "test_labels": test.test_labels}
    np.savez(folder / "unjudged.npz", **arrays)
    flow.simulate(folder / "unjudged", f"npz:{folder / 'unjudged.npz'}", images=2)
    record = read(folder / "unjudged" / "simulation.json", Simulation)
    assert (record.mismatches, record.labels, record.accuracy) == (0, 0, 0)


def test_a_teacher_of_maps_of_another_size(trained):
    folder, data = trained
    test = datasets.load(data)
    text = "8x9x1 - C3:3x3"
    labels = (one[:, :6, :7] for one in (test.train_labels, test.test_labels) if one.shape[1] == 8)
    parts = list(labels) or [np.zeros((len(one), 6, 7), np.int64) for one in (test.train_labels, test.test_labels)]
    arrays = {"images": test.train_images, "test_images": test.test_images, "labels": parts[0], "test_labels": parts[1]}
    np.savez(folder / "inner.npz", **arrays, class_names=np.array(["ground", "up", "across"]))
    with pytest.raises(errors.OptionError, match="as many classes, which answers on a map of the same size"):
        flow.train(text, f"npz:{folder / 'inner.npz'}", 1, folder / "taught", teacher=folder / "run", quiet=True)


def one_an_image(folder, test):
    labels = test.test_labels[:, 0, 0]
    np.savez(folder / "one.npz", images=test.test_images, labels=labels)
    return f"npz:{folder / 'one.npz'}"


def test_export_says_what_the_modules_compute(trained):
    torch = pytest.importorskip("torch")
    from rebnet.export import export
    from rebnet.nn.load import load_model

    folder, data = trained
    images = datasets.load(data).test_images
    model, _ = load_model(folder / "run")
    with torch.no_grad():
        scores = model.eval()(torch.from_numpy(images)).movedim(1, -1).numpy()
    found = run_real(export(model, "maps"), images)
    assert found.shape == scores.shape
    np.testing.assert_allclose(found, scores, rtol=1e-3, atol=1e-3)
