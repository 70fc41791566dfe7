"""adaptive.json: every figure against a slow loop, and thresholds that never see a test image."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluate import slow
from tests.ir.networks import exported
from tests.records.chained import rechain
from tests.simulate.builds import save_run

from rebnet import datasets, flow
from rebnet.datasets import Dataset
from rebnet.datasets.split import held_out
from rebnet.engine import reference
from rebnet.errors import DatasetError, FileFormatError, OptionError
from rebnet.evaluate.adaptive import evaluate_adaptive
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.ir.notation import Folding
from rebnet.lower import lower

TRAINING = {
    "network": "8x8x1 - D10", "dataset": "digits", "levels": 3, "test_accuracy": 12.5, "seed": 3,
    "recipe": {"validation_fraction": 0.25},
}  # fmt: skip


@pytest.fixture
def trained(build):
    """A build whose training.json says which images were held out."""
    write_record(build / "training.json", TRAINING)
    rechain(build)
    return build


def tiny():
    """2x3 pixels, hidden layers of 6 and 5, 4 classes, 3 levels; 36, 30·m and 20·m cycles a layer."""
    return exported(levels=3, folding=Folding(1, 1))


def small():
    """Images for the tiny network; the labels are its own at three levels, a fifth of them drawn anew."""
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (400, 2, 3, 1), dtype=np.uint8)
    labels = np.argmax(reference.run(lower(tiny()), images), axis=1)
    labels[::5] = rng.integers(0, 4, 80)
    return Dataset("small", 4, images[:250], labels[:250], images[250:], labels[250:])


def expected(build, ladder, cycles, steps, validation, test, hundredths=50):
    """The whole record but `inputs`, by the reference engine and one image at a time."""
    network = storage.load(build)
    margins, correct, last = {}, {}, {}
    for part, (images, labels) in {"validation": validation, "test": test}.items():
        scores = [reference.run(network, images, m) for m in ladder]
        margins[part] = [[slow.margin(image) for image in rung] for rung in scores]
        correct[part] = [[int(np.argmax(s)) == label for s, label in zip(rung, labels, strict=True)] for rung in scores]
        last[part] = sum(correct[part][-1])

    def percent(count, part):
        return round(100 * count / len(correct[part][0]), 4)

    def point(thresholds):
        record = {"thresholds": list(thresholds)}
        for part in ("validation", "test"):
            answered, right, spent = slow.climb(margins[part], correct[part], thresholds, cycles)
            mean = spent / len(correct[part][0])
            record[f"{part}_accuracy"] = percent(right, part)
            record[f"{part}_cycles"] = round(mean, 4)
            record[f"{part}_answered"] = [percent(count, part) for count in answered]
        record["test_loss"] = percent(last["test"] - right, "test")
        record["test_cycles_to_first"] = round(mean / cycles[0], 4)
        record["test_cycles_to_last"] = round(mean / cycles[-1], 4)
        return record

    found = slow.curve(margins["validation"], correct["validation"], cycles, steps)
    chosen = slow.choice(found, last["validation"], len(validation[1]), hundredths)
    return {
        "ladder": list(ladder),
        "max_loss": hundredths / 100,
        "validation_images": len(validation[1]),
        "test_images": len(test[1]),
        "rungs": [
            {
                "levels": m,
                "cycles": cycles[rung],
                "validation_accuracy": percent(sum(correct["validation"][rung]), "validation"),
                "test_accuracy": percent(sum(correct["test"][rung]), "test"),
            }
            for rung, m in enumerate(ladder)
        ],
        "operating_point": point(chosen[0]),
        "curve": [point(thresholds) for thresholds, _, _ in found],
    }


@pytest.mark.parametrize(("ladder", "hundredths"), [((1, 3), 0), ((1, 3), 2500), ((1, 2, 3), 3800), ((2, 3), 200)])
def test_a_tiny_network(tmp_path, ladder, hundredths):
    build, data = tmp_path / "build", small()
    flow.compile(save_run(tmp_path / "run", tiny()), build, folding="paper")
    write_record(build / "training.json", TRAINING | {"dataset": "small"})
    rechain(build)
    record = evaluate_adaptive(build, data, ladder, max_loss=hundredths / 100)
    assert json.loads((build / "adaptive.json").read_text()) == {"schema": 1, **record}
    _, held = held_out(data, 0.25, 3)
    validation = (data.train_images[held], data.train_labels[held])
    cycles = [{1: 36, 2: 60, 3: 90}[m] for m in ladder]
    wanted = expected(build, ladder, cycles, 100, validation, (data.test_images, data.test_labels), hundredths)
    inputs = {"network": "network.json", "folding": "folding.json", "training": "training.json"}
    wanted["inputs"] = {key: file_hash(build / name) for key, name in inputs.items()}
    wanted["inputs"]["images"] = data.test_sha256
    wanted["dataset"] = "small"
    assert record == wanted


@pytest.mark.parametrize(("ladder", "steps", "cycles"), [((1, 3), 100, [15, 45]), ((1, 2, 3), 100, [15, 30, 45])])
def test_digits(trained, ladder, steps, cycles):
    digits = datasets.load("digits")
    folding = json.loads((trained / "folding.json").read_text())
    seen = []
    record = evaluate_adaptive(trained, digits, ladder, progress=seen.append)
    assert [rung["cycles"] for rung in record["rungs"]] == cycles
    assert cycles[-1] == folding["bound_cycles"]
    _, held = held_out(digits, 0.25, 3)
    chosen = held[::4]  # a fourth of them is enough for the slow loop
    validation = (digits.train_images[chosen], digits.train_labels[chosen])
    test = (digits.test_images, digits.test_labels)
    few = dict(evaluate_adaptive(trained, digits, ladder, validation=validation))
    assert few.pop("inputs").keys() == {"network", "folding", "images"}
    assert few.pop("dataset") == "digits"
    assert few == expected(trained, ladder, cycles, steps, validation, test)
    assert (record["validation_images"], record["test_images"]) == (359, 360)
    assert sum(seen) == len(ladder) * (359 + 360)


def test_thresholds_never_see_the_test_images(trained):
    digits = datasets.load("digits")
    rng = np.random.default_rng(0)
    others = replace(
        digits,
        test_images=rng.integers(0, 256, digits.test_images.shape, dtype=np.uint8),
        test_labels=rng.integers(0, 10, len(digits.test_labels)),
    )
    first, second = (evaluate_adaptive(trained, data, (1, 2, 3)) for data in (digits, others))

    def chosen(record):
        points = [record["operating_point"], *record["curve"]]
        return [{key: point[key] for key in point if not key.startswith("test_")} for point in points]

    assert chosen(first) == chosen(second)
    assert first["curve"] != second["curve"]


def test_the_verb(trained):
    record = dict(flow.evaluate(trained, "digits", adaptive=(1, 3), max_loss=0))
    asked = {"verb": "evaluate", "options": {"dataset": "digits", "adaptive": [1, 3], "max_loss": 0}}
    assert record.pop("request") == asked
    assert record == evaluate_adaptive(trained, datasets.load("digits"), (1, 3), max_loss=0)
    point = record["operating_point"]
    assert point["validation_accuracy"] >= record["rungs"][-1]["validation_accuracy"]
    assert not (trained / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("ladder", "sentence"),
    [
        ((3,), "adaptive=3: a ladder has at least two level counts; write for example 1,3"),
        ((3, 1), "adaptive=3,1: the level counts of a ladder rise; write for example 1,3"),
        ((1, 1, 2), "adaptive=1,1,2: the level counts of a ladder rise; write for example 1,3"),
        ((0, 3), "levels=0: this network serves 1, 2, 3; choose one of these"),
        ((1, 4), "levels=4: this network serves 1, 2, 3; choose one of these"),
    ],
)
def test_ladders_that_cannot_be(trained, ladder, sentence):
    with pytest.raises(OptionError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), ladder)
    assert str(refusal.value) == sentence
    assert not (trained / "adaptive.json").exists()


@pytest.mark.parametrize("loss", [-0.1, 100.5, float("nan"), float("inf")])
def test_losses_that_cannot_be(trained, loss):
    with pytest.raises(OptionError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), (1, 3), max_loss=loss)
    assert str(refusal.value) == f"max-loss={loss}: points of accuracy that may be lost; use 0 to 100"


def test_options_that_do_not_go_together(trained):
    with pytest.raises(OptionError) as refusal:
        flow.evaluate(trained, "digits", adaptive=(1, 3), levels=2)
    assert str(refusal.value) == "levels=2: an adaptive evaluation runs at its ladder's levels; leave --levels out"
    with pytest.raises(OptionError) as refusal:
        flow.evaluate(trained, "digits", adaptive=(1, 3), engine="both")
    assert str(refusal.value) == ("engine='both': an adaptive evaluation uses the packed engine; leave --engine out")


def test_a_network_of_one_class(tmp_path):
    flow.compile(save_run(tmp_path / "run", exported(classes=1)), tmp_path / "build", folding="balanced")
    with pytest.raises(OptionError) as refusal:
        evaluate_adaptive(tmp_path / "build", small(), (1, 2))
    assert str(refusal.value) == (
        "network random: one class has no second score to compare with; use a network of two or more"
    )


WAY_OUT = "train with 'rebnet train', or give evaluate_adaptive validation images of your own"


def test_no_training_record(trained):
    (trained / "training.json").unlink()
    with pytest.raises(FileFormatError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), (1, 3))
    assert str(refusal.value) == (
        f"{trained}/training.json: no such file, and it says which images were held out; {WAY_OUT}"
    )


SILENT = f"does not say which images were held out (seed, recipe.validation_fraction); {WAY_OUT}"
AGAIN = "run the stage that writes it again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": None}, f"key 'seed' holds None, it must hold a whole number from 0 to {2**64:,}; {AGAIN}"),
        ({"seed": -1}, f"key 'seed' holds -1, it must hold a whole number from 0 to {2**64:,}; {AGAIN}"),
        ({"seed": True}, f"key 'seed' holds True, it must hold a whole number from 0 to {2**64:,}; {AGAIN}"),
        ({"dataset": 5}, f"key 'dataset' holds 5, it must hold a text of 1 to 10,000 characters; {AGAIN}"),
        ({"recipe": "digits"}, f"key 'recipe' holds 'digits', it must hold an object; {AGAIN}"),
        ({"recipe": {}}, SILENT),
        ({"recipe": {"validation_fraction": 1}}, SILENT),
        ({"recipe": {"validation_fraction": 1.5}}, "key 'recipe.validation_fraction' holds 1.5, it must hold a number "
         f"from 0 to 1; {AGAIN}"),
    ],
)  # fmt: skip
def test_a_training_record_that_does_not_say(trained, change, message):
    write_record(trained / "training.json", TRAINING | change)
    rechain(trained)
    with pytest.raises(FileFormatError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), (1, 3))
    assert str(refusal.value) == f"{trained}/training.json: {message}"


def test_another_data_set(trained):
    write_record(trained / "training.json", TRAINING | {"dataset": "mnist"})
    rechain(trained)
    with pytest.raises(DatasetError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), (1, 3))
    assert str(refusal.value) == (
        "data set digits: the network was trained on mnist, whose held-out images set the thresholds; "
        "use --dataset mnist"
    )


def test_an_npz_file_may_have_moved(trained):
    write_record(trained / "training.json", TRAINING | {"dataset": "npz:old/place.npz"})
    rechain(trained)
    record = evaluate_adaptive(trained, replace(datasets.load("digits"), name="npz:new.npz"), (1, 3))
    assert (record["dataset"], record["validation_images"]) == ("npz:new.npz", 359)


def test_no_validation_image(trained):
    digits = datasets.load("digits")
    with pytest.raises(DatasetError) as refusal:
        evaluate_adaptive(trained, digits, (1, 3), validation=(digits.train_images[:0], digits.train_labels[:0]))
    assert str(refusal.value) == ("validation holds no image, and thresholds are chosen by these; give at least one")


def test_a_build_without_a_folding(trained):
    (trained / "folding.json").unlink()
    with pytest.raises(FileFormatError) as refusal:
        evaluate_adaptive(trained, datasets.load("digits"), (1, 3))
    assert str(refusal.value) == f"{trained}/folding.json: no such file; the stage that writes it has not run"
