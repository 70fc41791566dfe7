"""Networks that give values: targets in a file, their unit, and every value that the RTL gives."""

import json
import re

import numpy as np
import pytest

from rebnet import connect, datasets, errors, flow, load
from rebnet.engine.real import run_real
from rebnet.ir import storage
from rebnet.ir.text import parse, tensors_of, to_text
from rebnet.reproduce.records import read_run

MAPS = "a value of every place"
TEXTS = {"two values an image": "6x7x1 - C6:3x3+same - MP2 - D24 - D2", MAPS: "6x7x1 - C8:3x3+same - C1:3x3+same"}


def scenes(count, seed):
    """A bright spot on noise: where it is, in a unit of its own, and how bright each place would be without noise."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 1, (count, 2))
    rows, columns = np.mgrid[0:6, 0:7]
    far = (rows - 5 * places[:, :1, None]) ** 2 + (columns - 6 * places[:, 1:, None]) ** 2
    spots = np.exp(-far / 3)
    images = (180 * spots + rng.integers(0, 50, spots.shape)).astype(np.uint8)[..., None]
    return images, 300 + 40 * places, spots[..., None] - 5


@pytest.fixture(scope="module", params=TEXTS)
def trained(request, tmp_path_factory):
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("values of images")
    (images, *targets), (test_images, *test_targets) = scenes(400, 0), scenes(50, 1)
    kind = int(request.param == MAPS)
    arrays = {"images": images, "targets": targets[kind]}
    np.savez(folder / "spots.npz", **arrays, test_images=test_images, test_targets=test_targets[kind])
    data = f"npz:{folder / 'spots.npz'}"
    flow.train(TEXTS[request.param], data, 2, folder / "run", epochs=12, any_levels=not kind, quiet=True)
    flow.compile(folder / "run", folder / "build", folding="balanced")
    return folder, data


@pytest.mark.rtl
def test_from_targets_to_the_rtl(trained):
    folder, data = trained
    test, training = datasets.load(data), json.loads((folder / "run" / "training.json").read_text())
    assert test.regression
    spread = float(np.sqrt(np.mean((test.test_labels - test.train_labels.mean(axis=0)) ** 2)))
    assert training["recipe"]["loss"] == "squared_error"
    assert training["test_error"] < 0.7 * spread  # it has learned something
    assert "test_accuracy" not in training
    assert "validation_error" in training["curve"][0]
    if training["any_levels"]:
        assert training["test_errors"][-1] == training["test_error"]

    record = flow.evaluate(folder / "build", data, engine="both")
    values = load(folder / "build").values(test.test_images)
    with connect(f"simulator:{folder / 'build'}") as there:
        assert (there.values(test.test_images[:3]) == values[:3]).all()
    assert values.shape == test.test_labels.shape
    assert record.mismatches == 0
    assert record.error == pytest.approx(np.sqrt(np.mean((values - test.test_labels) ** 2)), rel=1e-5)
    assert record.float_error == pytest.approx(training["test_error"], rel=0.02)
    exact = run_real(storage.load(folder / "build" / "exported"), test.test_images, precision=np.float64)
    assert record.most_difference == pytest.approx(np.abs(values - exact).max(), rel=1e-4)
    assert record.most_difference < 1e-3 * spread

    there = flow.evaluate(folder / "build", data, where=f"simulator:{folder / 'build'}", images=8)
    assert (there.images, there.values_differing) == (8, 0)
    assert there.error == pytest.approx(np.sqrt(np.mean((values - test.test_labels)[:8] ** 2)), rel=1e-5)
    assert "labels_differing" not in there

    simulation = flow.simulate(folder / "build", data, images=8).record
    assert simulation.mismatches == 0
    assert simulation.error == pytest.approx(np.sqrt(np.mean((values - test.test_labels)[:8] ** 2)), rel=1e-5)
    units = json.loads((folder / "build" / "ports.json").read_text())["m_axis"]["score_units"]
    assert np.allclose(load(folder / "build").predict(test.test_images, 1) * units[0],
                       load(folder / "build").values(test.test_images, 1))  # fmt: skip
    page = flow.report([folder / "build"], folder / "page.html").read_text()
    assert "Root of the mean squared error" in page
    assert "Validation error after each epoch" in page


def test_values_of_one_image_and_of_levels_of_their_own(trained):
    folder, data = trained
    images, predictor = datasets.load(data).test_images[:4], load(folder / "build")
    each = predictor.values(images, [1, 2, 2, 1])
    for place, m in enumerate((1, 2, 2, 1)):
        assert np.array_equal(each[place], predictor.values(images, m)[place])
        assert np.array_equal(each[place], predictor.values(images[place], m))
    for verb in (predictor.labels, predictor.names):
        with pytest.raises(errors.OptionError, match=r"is a regression, .* take values\(images\)|on a map"):
            verb(images)


def test_what_it_is_stays_with_it(trained):
    folder, data = trained
    network = storage.load(folder / "build")
    assert network.regression
    assert parse(to_text(network), tensors_of(network)) == network
    for options in ({"adaptive": (1, 2)}, {"online": True}):
        with pytest.raises(errors.OptionError, match="is a regression"):
            flow.evaluate(folder / "build", data, **options)
    flow.generate(folder / "build", target="c")
    header = (folder / "build" / "c" / "network.h").read_text()
    assert "int label = " not in header
    assert re.search(r"value k is scores\[.*k\] \* NETWORK_UNIT", header)
    units = re.search(r"#define NETWORK_UNITS? (.*) /\*", header)[1]
    assert tuple(map(float, units.strip("{ }").split(", "))) == network.answers[0].op.unit


def test_starts_from_another_run(trained):
    """Of the same network: scaled back, so that the first epoch is as good as the last of that run."""
    folder, data = trained
    before = json.loads((folder / "run" / "training.json").read_text())
    options = {"any_levels": before["any_levels"], "start": folder / "run", "epochs": 1, "quiet": True}
    record = flow.train(before["network"], data, 2, folder / "again", **options)
    assert record.test_error < 1.5 * before["test_error"]
    with pytest.raises(errors.OptionError, match="teaches scores of classes"):
        flow.train(before["network"], data, 2, folder / "taught", teacher=folder / "run", epochs=1, quiet=True)


def test_nothing_is_reproduced_of_errors(trained):
    folder, _ = trained
    with pytest.raises(errors.FileFormatError, match="is of a regression, and what is reproduced are accuracies"):
        read_run(folder / "run", lambda *_: 1)


def test_an_error_beside_the_accuracy_of_the_float_network(trained):
    folder, data = trained
    path = folder / "build" / "evaluation.json"
    flow.evaluate(folder / "build", data)
    whole = path.read_text()
    edited = json.loads(whole)
    edited["float_accuracy"] = edited.pop("float_error")
    path.write_text(json.dumps(edited))
    with pytest.raises(errors.FileFormatError, match=r"'accuracy'"):
        flow.report([folder / "build"], folder / "page.html")
    path.write_text(whole)


def test_neither_starts_nor_teaches_classes(trained):
    folder, data = trained
    test = datasets.load(data)
    maps = test.map_shape
    labels = np.broadcast_to((np.arange(50) % test.classes).reshape(50, *(1 for _ in maps)), (50, *maps))
    names = [f"class {k}" for k in range(test.classes)]
    np.savez(folder / "classes.npz", images=test.test_images, labels=labels, class_names=names)
    classes = f"npz:{folder / 'classes.npz'}"
    text = json.loads((folder / "run" / "training.json").read_text())["network"]
    for options, told in (({"start": folder / "run"}, "gives values, this training is of scores of classes"),
                          ({"teacher": folder / "run"}, "is a regression, and this training learns")):  # fmt: skip
        with pytest.raises(errors.OptionError, match=told):
            flow.train(text, classes, 2, folder / "other", epochs=1, quiet=True, **options)
    flow.train(text, classes, 2, folder / "of classes", epochs=1, quiet=True)
    with pytest.raises(errors.OptionError, match="gives scores of classes, this training is of values"):
        flow.train(text, data, 2, folder / "other", epochs=1, quiet=True, start=folder / "of classes")


def test_labels_for_a_regression_are_refused(trained):
    folder, data = trained
    test = datasets.load(data)
    np.savez(folder / "labels.npz", images=test.test_images, labels=np.arange(50) % 2)
    with pytest.raises(errors.DatasetError, match=r"holds labels, and the network .* gives targets of"):
        flow.evaluate(folder / "build", f"npz:{folder / 'labels.npz'}")


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (lambda one: one * 1e-40, "value 0 of the targets deviates by .*e-3.* choose a smaller unit"),
        (lambda one: one * [1, 0] + [0, 0.1] + [1e9, 0], "value 0 of the targets .* subtract it from them"),
    ],
)
def test_targets_that_float32_cannot_tell_apart(tmp_path, targets, told):
    pytest.importorskip("torch")
    images, places, _ = scenes(30, 0)
    np.savez(tmp_path / "spots.npz", images=images, targets=targets(places))
    with pytest.raises(errors.DatasetError, match=told):
        flow.train(TEXTS["two values an image"], f"npz:{tmp_path / 'spots.npz'}", 1, tmp_path / "run", quiet=True)


def test_equal_targets(tmp_path):
    """Whatever the rounding of their mean is, their deviation is taken as 1."""
    pytest.importorskip("torch")
    from rebnet.train.start import Scaling

    images, _, _ = scenes(80, 0)
    np.savez(tmp_path / "spots.npz", images=images, targets=np.full(80, 0.1))
    scaling = Scaling.of(datasets.load(f"npz:{tmp_path / 'spots.npz'}"))
    assert (scaling.mean.tolist(), scaling.deviation.tolist()) == ([0.1], [1.0])
