"""Evaluation: the integer network beside the float one, over the whole test set."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np

from rebnet.choices import Engine
from rebnet.datasets.dataset import VOID, Dataset, accuracy
from rebnet.engine import predictor, reference
from rebnet.engine.real import run_real
from rebnet.errors import OptionError
from rebnet.evaluate.mistakes import mistakes, write_pictures
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.records import Evaluation
from rebnet.records.chain import check_origin
from rebnet.records.evaluation import Answered
from rebnet.records.request import Request
from rebnet.spec.scores import labels as labels_of

EVALUATION_FILE = Evaluation.FILE


def evaluate(
    build: Path,
    exported: Path,
    dataset: Dataset,
    levels: int | None = None,
    engine: Engine = "packed",
    progress: Callable[[int], None] = lambda images_done: None,
    answered: Callable[[Answered], None] = lambda figures: None,
    request: Request | None = None,
) -> Evaluation:
    """Classify all test images with both networks and write `evaluation.json`.

    The integer network, which is the fastest, answers first. The float network is computed twice: in float64, whose
    codes the integers' are, and in float32, as PyTorch computes it. An interrupt leaves the record that was there.

    Args:
        build: folder of the lowered network; the record goes there.
        exported: folder of the exported network it was lowered from.
        dataset: its test images are used.
        levels: levels m to run at; M if None.
        engine: "packed", "reference", or "both", which counts the images whose scores differ in any class.
        progress: called with the number of images done since the last call, by the integer network, then in float64,
            then in float32.
        answered: called with the integer network's part of the record before the float network begins.
        request: what the caller was asked for; the record keeps it.

    Returns:
        The record; accuracies in percent.

    Raises:
        OptionError: the network does not serve these levels, or there is no such engine.
        DatasetError: the images do not fit the network, or have more classes.
        FileFormatError: a network is missing or damaged.
    """
    if engine not in get_args(Engine):
        raise OptionError(f"engine={engine!r}: use {', '.join(get_args(Engine))}")
    check_origin(build)
    network, real_network = storage.load(build), storage.load(exported)
    images = dataset.test_images
    reference.check_data(network, dataset.name, images, dataset.classes, dataset.map_shape)
    start = time.perf_counter()
    if engine == "reference":
        scores = reference.run(network, images, levels, progress)
    else:
        scores = predictor.run(network, images, levels, progress, threads=os.cpu_count() or 1)
    seconds = time.perf_counter() - start
    integer = labels_of(scores)
    figures = Answered(
        inputs={
            "network": file_hash(build / storage.NETWORK_FILE),
            "exported": file_hash(exported / storage.NETWORK_FILE),
            "images": dataset.test_sha256,
        },
        dataset=dataset.name,
        engine=engine,
        images=len(integer),
        levels=network.levels if levels is None else levels,
        labels=int((dataset.test_labels != VOID).sum()) if dataset.map_shape else None,
        accuracy=accuracy(integer, dataset.test_labels),
        images_per_second=round(len(integer) / seconds, 1),
    )
    answered(figures)
    exact = np.argmax(run_real(real_network, images, levels, progress, np.float64), axis=-1)
    single = np.argmax(run_real(real_network, images, levels, progress), axis=-1)
    again = reference.run(network, images, levels) if engine == "both" else None
    found = mistakes(dataset, scores, integer)
    record = Evaluation(
        **vars(figures),
        float_accuracy=accuracy(exact, dataset.test_labels),
        labels_differing=int((integer != exact).sum()),
        labels_differing_float32=int((integer != single).sum()),
        mismatches=None if again is None else int(np.any((scores != again).reshape(len(scores), -1), axis=1).sum()),
        **vars(found),
        pictures=write_pictures(build, images, [wrong.index for wrong in found.wrong or ()]),
        request=request,
    )
    write_record(build / EVALUATION_FILE, record)
    return record
