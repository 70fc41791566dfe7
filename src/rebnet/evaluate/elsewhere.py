"""Evaluation of what answers elsewhere, through a connection, beside the integer network on this processor."""

import time
from collections.abc import Callable

import numpy as np

from rebnet.datasets.dataset import Answers, Dataset, Images, judged
from rebnet.engine.connection import Connection
from rebnet.engine.predictor import Predictor
from rebnet.engine.reference import check_data, served_index
from rebnet.ir.network import Network
from rebnet.records.elsewhere import Elsewhere

_CALL = 1000  # images of a call


def check_asked(network: Network, dataset: Dataset, images: int | None, levels: int | None) -> None:
    """Refuse what `evaluate_elsewhere` would, before anything is reached.

    Raises:
        OptionError: a number of images that cannot be, or levels that the network does not serve.
        DatasetError: the images do not fit the network, or have more classes.
    """
    dataset.test_count(images)
    served_index(network, levels)
    check_data(network, dataset)


def evaluate_elsewhere(
    there: Connection,
    where: str,
    dataset: Dataset,
    images: int | None = None,
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
) -> Elsewhere:
    """Ask a connection for the labels of test images, and compare them with those of its network on this processor.

    Labels are asked for, or the values of a regression: every connection has these, also where no scores come. The
    first image goes once more before the clock runs, so that a start is not in the rate. Nothing is written.

    Args:
        there: what answers.
        where: its place, as the record names it.
        dataset: its test images are used, in order.
        images: how many; all if None.
        levels: levels m to run at; M if None.
        progress: called with the number of images done since the last call, by the connection.

    Returns:
        The record; accuracy in percent.

    Raises:
        OptionError, DatasetError: see `check_asked`.
        RebnetError: what answers has failed; each kind of connection says how.
    """
    network = there.network
    check_asked(network, dataset, images, levels)
    count = dataset.test_count(images)
    chosen, wanted = dataset.test_images[:count], dataset.test_labels[:count]
    expected = _answers(Predictor(network), chosen, levels, lambda images_done: None)
    _answers(there, chosen[:1], levels, lambda images_done: None)
    start = time.perf_counter()
    found = _answers(there, chosen, levels, progress)
    seconds = time.perf_counter() - start
    differing = {"values_differing" if network.regression else "labels_differing": int((found != expected).sum())}
    return Elsewhere(
        where=where,
        dataset=dataset.name,
        images=count,
        levels=network.levels if levels is None else levels,
        **judged(found, wanted),
        **differing,
        images_per_second=round(count / seconds, 1),
    )


def _answers(there: Connection, images: Images, levels: int | None, progress: Callable[[int], None]) -> Answers:
    """Labels, or values of a regression, some images at a time."""
    ask = there.values if there.network.regression else there.labels
    found = []
    for start in range(0, len(images), _CALL):
        found.append(ask(images[start : start + _CALL], levels))
        progress(len(found[-1]))
    return np.concatenate(found)
