"""Evaluation: the integer network beside the float one, over the whole test set."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from rebnet.choices import Engine
from rebnet.datasets.dataset import Answers, Dataset, Labels, Targets, accuracy, judged, root_mean_square
from rebnet.engine import predictor, reference
from rebnet.engine.connection import values_of
from rebnet.engine.real import run_real
from rebnet.errors import OptionError
from rebnet.evaluate.mistakes import mistakes, write_pictures
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.records import Evaluation
from rebnet.records.chain import check_origin
from rebnet.records.evaluation import Answered
from rebnet.records.request import Request
from rebnet.spec.scores import differing_images
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
    no_float: bool = False,
) -> Evaluation:
    """Classify all test images with both networks and write `evaluation.json`.

    The integer network, which is the fastest, answers first. The float network is computed in float64, whose codes
    the integers' are, and for labels in float32 too, as PyTorch computes it. An interrupt leaves the record that
    was there.

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
        no_float: leave the float network out, and what is compared with it.

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
    reference.check_data(network, dataset)
    start = time.perf_counter()
    if engine == "reference":
        scores = reference.run(network, images, levels, progress)
    else:
        scores = predictor.run(network, images, levels, progress, threads=os.cpu_count() or 1)
    seconds = time.perf_counter() - start
    integer: Answers = values_of(network, scores, levels) if network.regression else labels_of(scores)
    figures = Answered(
        inputs={
            "network": file_hash(build / storage.NETWORK_FILE),
            "exported": file_hash(exported / storage.NETWORK_FILE),
            "images": dataset.test_sha256,
        },
        dataset=dataset.name,
        engine=engine,
        images=len(scores),
        levels=network.levels if levels is None else levels,
        **judged(integer, dataset.test_labels),
        images_per_second=round(len(scores) / seconds, 1),
    )
    answered(figures)
    exact = None if no_float else run_real(real_network, images, levels, progress, np.float64)
    again = reference.run(network, images, levels) if engine == "both" else None
    told: dict[str, Any] = {}
    if exact is not None and network.regression:
        told = _of_values(dataset, integer, exact)
    elif exact is not None:
        single = run_real(real_network, images, levels, progress)
        told = _of_labels(dataset, integer, labels_of(exact), labels_of(single))
    if not network.regression:
        found = mistakes(dataset, scores, integer)
        told |= vars(found)
        told["pictures"] = write_pictures(build, images, [wrong.index for wrong in found.wrong or ()])
    record = Evaluation(
        **vars(figures),
        **told,
        mismatches=None if again is None else differing_images(scores, again),
        request=request,
    )
    write_record(build / EVALUATION_FILE, record)
    return record


def _of_labels(dataset: Dataset, labels: Labels, exact: Labels, single: Labels) -> dict[str, Any]:
    """What the float network says, in float64 and in float32."""
    return {
        "float_accuracy": accuracy(exact, dataset.test_labels),
        "labels_differing": int((labels != exact).sum()),
        "labels_differing_float32": int((labels != single).sum()),
    }


def _of_values(dataset: Dataset, values: Targets, exact: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """The same of a regression, in float64."""
    return {
        "float_error": root_mean_square(exact.astype(np.float64), dataset.test_labels),
        "most_difference": float(f"{np.abs(values - exact).max():.6g}"),
    }
