"""Factors computed for every image instead of trained: what they would give, and what hardware they would take.

A trained γ is a constant: BatchNorm, residual sign and the factors fold into integer thresholds and steps, and a value
leaves as bits the moment its sum is done. A factor of the image's own, γ_i = mean |r_i|, is known when the last value
of the map is: until then every sum has to be kept, the sums of magnitudes are accumulated once a level, and the steps
of every channel are multiplied anew.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.dataset import Dataset, accuracy, judged_places
from rebnet.engine.online import run_online
from rebnet.engine.real import run_real
from rebnet.engine.reference import check_data
from rebnet.errors import FileFormatError, OptionError
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import MaxPool, Op, Threshold
from rebnet.ir.values import Value
from rebnet.records import Online
from rebnet.records.chain import check_origin
from rebnet.records.online import OnlineLayer
from rebnet.records.request import Request
from rebnet.spec.scores import labels as labels_of

ONLINE_FILE = Online.FILE


def evaluate_online(build: Path, exported: Path, dataset: Dataset, request: Request | None = None) -> Online:
    """Classify all test images with trained factors and with factors of each image's own; write `online.json`.

    Args:
        build: folder of the lowered network; the record goes there.
        exported: folder of the exported network it was lowered from.
        dataset: its test images are used.
        request: what the caller was asked for; the record keeps it.

    Returns:
        The record; accuracies in percent, of the network in float32 at M levels. Its weights are not trained again;
        `online_accuracy` is with the means and variances of BatchNorm fitted again to training images, and
        `online_accuracy_norms_kept` without.

    Raises:
        DatasetError: the images do not fit the network, or have more classes.
        FileFormatError: a network is missing or damaged, or has numbers that overflow float32.
        OptionError: the network has branches.
    """
    check_origin(build)
    network, real = storage.load(build), storage.load(exported)
    if not real.is_chain:
        raise OptionError(
            f"network {network.name}: has branches, and factors of each image's own are known for chains alone; "
            "evaluate without --online"
        )
    if real.regression:
        raise OptionError(f"network {network.name}: is a regression, without labels; evaluate without --online")
    images, labels = dataset.test_images, dataset.test_labels
    check_data(network, dataset)
    trained = labels_of(run_real(real, images))
    kept, _ = run_online(real, images)
    outputs, factors = run_online(real, images, dataset.train_images)
    for layer, used in factors.items():
        if not np.isfinite(used).all():
            raise FileFormatError(
                f"{exported / storage.NETWORK_FILE}: layer {layer}: an image's own factors overflow float32, so "
                "the numbers of its BatchNorm are not those of a training; train it again"
            )
    record = Online(
        inputs={
            "network": file_hash(build / storage.NETWORK_FILE),
            "exported": file_hash(exported / storage.NETWORK_FILE),
            "images": dataset.test_sha256,
        },
        dataset=dataset.name,
        images=len(images),
        labels=judged_places(labels),
        levels=network.levels,
        trained_accuracy=accuracy(trained, labels),
        online_accuracy=accuracy(labels_of(outputs), labels),
        online_accuracy_norms_kept=accuracy(labels_of(kept), labels),
        layers=tuple(
            replace(cost, online_mean=_six_digits(used.mean(axis=0)), online_deviation=_six_digits(used.std(axis=0)))
            for cost, used in ((cost, factors[name]) for name, cost in costs(network).items())
        ),
        request=request,
    )
    write_record(build / ONLINE_FILE, record)
    return record


def _six_digits(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def costs(network: Network) -> dict[str, OnlineLayer]:
    """What factors of its own would take per image after each hidden layer of a lowered network, by its name.

    `values` of the map in front of the sign; `held_bits` to keep their sums until the first factor is known;
    `additions` of magnitudes, one a value and level; `multiplications`, one a channel and level to weigh its
    magnitudes and one a channel and further level for its step; `passes` over the held values, one a level.
    """
    m = network.levels
    found = {}
    for node in network.nodes:
        layer = network.layer_of(node)
        if not isinstance(node.op, Threshold) or layer is None:
            continue
        channels = layer.op.weights.rows
        values = _pooled(network, node).shape.elements
        bits = layer.op.reaches[-1].bit_length() + 1
        found[layer.name] = OnlineLayer(
            name=layer.name,
            values_=values,
            held_bits=values * bits,
            additions=values * m,
            multiplications=channels * (2 * m - 1),
            passes=m,
        )
    return found


def _pooled(network: Network, node: Node[Op]) -> Value:
    """The value that a node gives, behind the pool that training has in front of it."""
    pools = [user.name for user in network.users[node.name] if isinstance(user.op, MaxPool)]
    return network.values[pools[0] if pools else node.name]
