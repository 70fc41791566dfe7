"""Evaluation: the integer network beside the float one, over the whole test set."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rebnet.datasets.dataset import Dataset
from rebnet.engine.real import run_real
from rebnet.engine.reference import run
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.spec.scores import labels as labels_of

EVALUATION_FILE = "evaluation.json"


def evaluate(
    build: Path,
    exported: Path,
    dataset: Dataset,
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
) -> dict[str, Any]:
    """Classify all test images with both networks and write `evaluation.json`.

    Args:
        build: folder of the lowered network; the record goes there.
        exported: folder of the exported network it was lowered from.
        dataset: its test images are used.
        levels: levels m to run at; M if None.
        progress: called with the number of images done since the last call.

    Returns:
        The record; accuracies in percent.

    Raises:
        OptionError: the network does not serve these levels.
        DatasetError: the images do not fit the network.
        FileFormatError: a network is missing or damaged.
    """
    network = storage.load(build)
    start = time.perf_counter()
    integer = labels_of(run(network, dataset.test_images, levels, progress))
    seconds = time.perf_counter() - start
    real = np.argmax(run_real(storage.load(exported), dataset.test_images, levels), axis=1)
    record = {
        "inputs": {"network": file_hash(build / storage.NETWORK_FILE)},
        "dataset": dataset.name,
        "engine": "reference",
        "images": len(integer),
        "levels": network.levels if levels is None else levels,
        "accuracy": percent(integer == dataset.test_labels),
        "float_accuracy": percent(real == dataset.test_labels),
        "labels_differing": int((integer != real).sum()),
        "images_per_second": round(len(integer) / seconds, 1),
    }
    write_record(build / EVALUATION_FILE, record)
    return record


def percent(correct: np.ndarray) -> float:
    """Share of True, in percent."""
    return round(100 * float(np.mean(correct)), 4)
