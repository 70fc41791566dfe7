"""Adaptive levels: few levels for the images that are clear, more for the others; accuracy against cycles."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from rebnet.datasets.dataset import Dataset, Images, Labels, check_labels
from rebnet.datasets.split import held_out
from rebnet.engine.predictor import Predictor
from rebnet.engine.reference import check_data, check_images, served_index
from rebnet.errors import DatasetError, FileFormatError, OptionError
from rebnet.evaluate.ladder import Outcome, Rungs, Thresholds, choose, climb, rungs_of, sweep
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.records import Adaptive, Training, read
from rebnet.records.adaptive import Point, Rung
from rebnet.records.chain import check_origin
from rebnet.records.request import Request
from rebnet.stages.folding import FOLDING_FILE, read_accelerator

ADAPTIVE_FILE = Adaptive.FILE
TRAINING_FILE = Training.FILE


def evaluate_adaptive(
    build: Path,
    dataset: Dataset,
    ladder: tuple[int, ...],
    *,
    max_loss: float = 0.5,
    validation: tuple[Images, Labels] | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
    request: Request | None = None,
) -> Adaptive:
    """Choose margin thresholds on validation images, apply them to the test images, write `adaptive.json`.

    An image runs at the ladder's first level count and is answered if its best score is at least a threshold above
    the second; else it runs again at the next one, and the last answers. A level count with which the ladder is no
    better is left out. Cycles are the accelerator's bound at each level count, all runs of an image together.

    Args:
        build: folder of a whole build, with its folding.
        dataset: the test images are judged; its training images hold the validation images.
        ladder: level counts, rising, at least two.
        max_loss: percent points of validation accuracy that may be lost against the ladder's last level count.
        validation: images that the network was not trained on, and their labels, to choose the thresholds by; those
            that the training held out if None.
        progress: called with the number of images done since the last call, at each level count.
        request: what the caller was asked for; the record keeps it.

    Returns:
        The record; accuracies and shares in percent, cycles per image.

    Raises:
        OptionError: a ladder or a loss that cannot be, or a network of one class.
        DatasetError: the images do not fit the network, have more classes, or are not those it was trained on.
        FileFormatError: the network or the folding is missing or damaged, or training.json does not say which
            images were held out.
    """
    network = storage.load(build)
    _check_options(network, ladder, max_loss)
    check_origin(build)
    accelerator = read_accelerator(build / FOLDING_FILE, network)
    inputs = {"network": file_hash(build / storage.NETWORK_FILE), "folding": file_hash(build / FOLDING_FILE)}
    inputs["images"] = dataset.test_sha256
    if validation is None:
        validation = _held_out(build / TRAINING_FILE, dataset)
        inputs["training"] = file_hash(build / TRAINING_FILE)
    test = (dataset.test_images, dataset.test_labels)
    check_data(network, dataset)
    check_images(network, validation[0])
    check_labels("validation", "labels", validation[1], "images", len(validation[0]), classes=network.classes)
    if len(validation[1]) == 0:
        raise DatasetError("validation holds no image, and thresholds are chosen by these; give at least one")
    predictor = Predictor(network)
    judged, tested = (
        rungs_of([predictor.run(images, m, progress) for m in ladder], labels) for images, labels in (validation, test)
    )
    cycles = [accelerator.bound_cycles(m) for m in ladder]
    points = sweep(judged, cycles)
    chosen = choose(points, judged, max_loss)
    curve = [_point(point.thresholds, judged, tested, cycles) for point in points]
    record = Adaptive(
        inputs=inputs,
        dataset=dataset.name,
        ladder=ladder,
        max_loss=float(max_loss),
        validation_images=judged.images,
        test_images=tested.images,
        rungs=tuple(
            Rung(
                levels=m,
                cycles=cycles[rung],
                validation_accuracy=_percent(int(judged.correct[rung].sum()), judged),
                test_accuracy=_percent(int(tested.correct[rung].sum()), tested),
            )
            for rung, m in enumerate(ladder)
        ),
        operating_point=curve[points.index(chosen)],
        curve=tuple(curve),
        request=request,
    )
    write_record(build / ADAPTIVE_FILE, record)
    return record


def _check_options(network: Network, ladder: tuple[int, ...], max_loss: float) -> None:
    written = ",".join(map(str, ladder))
    if len(ladder) < 2:
        raise OptionError(f"adaptive={written}: a ladder has at least two level counts; write for example 1,3")
    if any(upper <= lower for lower, upper in pairwise(ladder)):
        raise OptionError(f"adaptive={written}: the level counts of a ladder rise; write for example 1,3")
    for m in ladder:
        served_index(network, m)
    if not 0 <= max_loss <= 100:
        raise OptionError(f"max-loss={max_loss}: points of accuracy that may be lost; use 0 to 100")
    if network.regression:
        raise OptionError(f"network {network.name}: is a regression, without labels; evaluate without --adaptive")
    if network.answer.positions > 1:
        raise OptionError(
            f"network {network.name}: answers on a map, and a ladder compares the two best scores of an image; "
            "evaluate without --adaptive"
        )
    if network.classes < 2:
        raise OptionError(
            f"network {network.name}: one class has no second score to compare with; use a network of two or more"
        )


def _held_out(path: Path, dataset: Dataset) -> tuple[Images, Labels]:
    """The images that the training recorded in `path` did not train on, and their labels."""
    way_out = "train with 'rebnet train', or give evaluate_adaptive validation images of your own"
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file, and it says which images were held out; {way_out}")
    record = read(path, Training)
    name, seed, fraction = (
        record.dataset,
        record.seed,
        None if record.recipe is None else record.recipe.validation_fraction,
    )
    if seed is None or fraction is None or fraction >= 1:
        raise FileFormatError(
            f"{path}: does not say which images were held out (seed, recipe.validation_fraction); {way_out}"
        )
    if name != dataset.name and not (name.startswith("npz:") and dataset.name.startswith("npz:")):
        raise DatasetError(
            f"data set {dataset.name}: the network was trained on {name}, whose held-out images set the thresholds; "
            f"use --dataset {name}"
        )
    _, held = held_out(dataset, fraction, seed)
    return dataset.train_images[held], dataset.train_labels[held]


def _point(thresholds: Thresholds, judged: Rungs, tested: Rungs, cycles: list[int]) -> Point:
    """One point of the curve: what the thresholds give on the validation and on the test images."""
    last = int(tested.correct[-1].sum())
    validation, test = climb(judged, thresholds, cycles), climb(tested, thresholds, cycles)
    mean = test.cycles / tested.images
    return Point(
        thresholds=thresholds,
        validation_accuracy=_percent(validation.correct, judged),
        validation_cycles=round(validation.cycles / judged.images, 4),
        validation_answered=_answered(validation, judged),
        test_accuracy=_percent(test.correct, tested),
        test_cycles=round(mean, 4),
        test_answered=_answered(test, tested),
        test_loss=_percent(last - test.correct, tested),
        test_cycles_to_first=round(mean / cycles[0], 4),
        test_cycles_to_last=round(mean / cycles[-1], 4),
    )


def _answered(outcome: Outcome, rungs: Rungs) -> tuple[float, ...]:
    return tuple(_percent(answered, rungs) for answered in outcome.answered)


def _percent(count: int, rungs: Rungs) -> float:
    return round(100 * count / rungs.images, 4)
