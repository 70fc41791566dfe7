"""The integer network in numpy, through the functions of `spec`: what every faster engine must equal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.laws import Law, laws_of
from rebnet.engine.values import Values
from rebnet.errors import DatasetError, OptionError
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Conv, Dense, Scores
from rebnet.ir.values import Code
from rebnet.spec.groups import accumulate_groups
from rebnet.spec.pixels import pixel_planes
from rebnet.spec.residual import Bits
from rebnet.spec.window import windows
from rebnet.spec.xnor import accumulate

Accumulate = Callable[[Node[Dense], Bits, Sequence[int]], NDArray[np.int64]]
"""A layer, the bit planes in front of it and its gains to A: (images, out height, out width, rows)."""
_BATCH_ELEMENTS = 1 << 24  # window elements held at a time


def served_index(network: Network, levels: int | None) -> int:
    """Which set of constants serves `levels` (None means M); raises `OptionError` if none does."""
    wanted = network.levels if levels is None else levels
    if wanted not in network.served:
        legal = ", ".join(map(str, network.served))
        raise OptionError(f"levels={wanted}: this network serves {legal}; choose one of these")
    return network.served.index(wanted)


def check_images(network: Network, images: NDArray[np.uint8]) -> None:
    """Raise `DatasetError` unless `images` is uint8 N×H×W×C of the network's input shape."""
    image = network.input
    shape = (image.height, image.width, image.channels)
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise DatasetError(
            f"images are {images.dtype} of shape {images.shape[1:]}; the network {network.name} takes uint8 of shape "
            f"{shape}; choose the data set it was trained on"
        )


class Described(Protocol):
    """What a data set says of itself: see `rebnet.datasets.dataset.Dataset`."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def classes(self) -> int:
        """Of its labels, or values of its targets."""

    @property
    def map_shape(self) -> tuple[int, ...]:
        """Height and width of its label maps."""

    @property
    def regression(self) -> bool:
        """Whether it holds targets."""

    @property
    def test_images(self) -> NDArray[np.uint8]:
        """Images, N x H x W x C."""


def check_data(network: Network, dataset: Described) -> None:
    """Raise `DatasetError` unless images, labels or targets of a data set fit `network`.

    Label maps must be as large as the network's answers, and targets have as many values. A data set of fewer classes
    than the network has outputs is legal: some outputs are then never right.
    """
    check_images(network, dataset.test_images)
    name, classes = dataset.name, dataset.classes
    if dataset.regression != network.regression or (network.regression and classes != network.classes):
        has, gives = (
            f"targets of {count} values" if values else "labels"
            for values, count in ((dataset.regression, classes), (network.regression, network.classes))
        )
        raise DatasetError(
            f"data set {name}: holds {has}, and the network {network.name} gives {gives}; choose the data set it was "
            "trained on"
        )
    if classes > network.classes:
        raise DatasetError(
            f"data set {name}: has {classes} classes, the network {network.name} has {network.classes} outputs, so "
            "some labels could never be right; choose the data set it was trained on"
        )
    answers = network.scores_shape[:-1]
    if dataset.map_shape != answers:
        has, gives = (
            f"maps of {'x'.join(map(str, one))}" if one else "one an image" for one in (dataset.map_shape, answers)
        )
        raise DatasetError(
            f"data set {name}: labels are {has}, the answers of the network {network.name} are {gives}; choose the "
            "data set it was trained on"
        )


def run(
    network: Network,
    images: NDArray[np.uint8],
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
) -> NDArray[np.int64]:
    """Integer scores of every image.

    Args:
        network: a lowered network.
        images: uint8 of shape (N, height, width, channels).
        levels: m, the levels to run at; M if None.
        progress: called with the number of images done since the last call.

    Returns:
        Scores of shape (N, classes), or (N, height, width, classes) of a network that answers on a map.

    Raises:
        OptionError: the network does not serve these levels.
        DatasetError: the images do not fit the network's input.
    """
    index = served_index(network, levels)
    check_images(network, images)
    results = [np.zeros((0, *network.scores_shape), dtype=np.int64)]
    size, laws = batch_size(network), laws_of(network)
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        results.append(run_batch(network, laws, batch, index, _accumulate))
        progress(len(batch))
    return np.concatenate(results)


def run_mixed(
    network: Network,
    images: NDArray[np.uint8],
    levels: NDArray[np.int64],
    engine: Callable[[Network, NDArray[np.uint8], int], NDArray[np.int64]] = run,
) -> NDArray[np.int64]:
    """Integer scores where image n runs at `levels[n]`, by any engine's `run`; shape as there.

    Raises:
        OptionError: not one level count per image, or one that the network does not serve.
        DatasetError: the images do not fit the network's input.
    """
    check_images(network, images)
    if levels.shape != (len(images),):
        raise OptionError(f"levels of shape {levels.shape} for {len(images)} images; give one level count per image")
    result = np.zeros((len(images), *network.scores_shape), dtype=np.int64)
    for m in np.unique(levels):
        chosen = levels == m
        result[chosen] = engine(network, images[chosen], int(m))
    return result


def batch_size(network: Network) -> int:
    """Images at a time for which the windows of the largest layer stay within memory; at most 1000."""
    largest = 1
    for layer in network.layers:
        codes, windows = network.read(layer), network.values[layer.name].shape.positions
        planes = codes.planes if isinstance(codes, Code) else 1
        largest = max(
            largest,
            windows * layer.op.weights.columns * layer.op.group_count * planes,
            windows * layer.op.weights.rows * 8,
        )
    return max(1, min(1000, _BATCH_ELEMENTS // largest))


def run_batch(
    network: Network, laws: Mapping[str, Law], images: NDArray[np.uint8], index: int, accumulate_layer: Accumulate
) -> NDArray[np.int64]:
    """Scores of a batch with the constants of set `index`, by `laws_of(network)` and what computes the layers."""
    # codes, (planes, images, *map), and sums, features and scores, (images, *map)
    values: Values[NDArray[Any]] = Values(network, pixel_planes(network.input.taken(images), network.input.bits))
    for node in network.nodes:
        inputs = values.reads(node)
        if isinstance(node.op, Dense) and node.op.gains is not None:
            value = accumulate_layer(cast("Node[Dense]", node), inputs[0], node.op.gains[index])
        elif node.name in laws:
            value = laws[node.name](index, inputs)
        else:
            raise OptionError(f"{type(node.op).__name__}: lower the network before running it")
        values[node.name] = value
    answer = network.answers[0]
    if not isinstance(answer.op, Scores):
        raise OptionError(f"{network.name}: ends without scores; lower the network before running it")
    return values[answer.name].reshape(len(images), *network.scores_shape)


def _accumulate(layer: Node[Dense], planes: Bits, gains: Sequence[int]) -> NDArray[np.int64]:
    """A of every window and row, shape (images, out height, out width, rows); a dense layer has one window."""
    op = layer.op
    vectors = windows(planes, op.window) if isinstance(op, Conv) else planes.reshape(*planes.shape[:2], 1, 1, -1)
    flat = vectors.reshape(len(vectors), -1, vectors.shape[-1])
    if isinstance(op, Conv) and op.groups > 1:
        sums = accumulate_groups(flat, op.weights.bits, gains, op.window.area, op.groups)
    else:
        sums = accumulate(flat, op.weights.bits, gains, op.weights.gains)
    return sums.reshape(*vectors.shape[1:4], -1)
