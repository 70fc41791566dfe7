"""A network that answers, wherever it runs: what `rebnet.connect` returns, and `rebnet.load` with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.engine.given import images_of, levels_of
from rebnet.engine.reference import check_images, served_index
from rebnet.errors import OptionError
from rebnet.ir.network import Network
from rebnet.spec.scores import labels as labels_of

_CALL = 256  # images between two signs of progress


class Connection(ABC):
    """Scores, labels, names and values of images; every kind gives the same, with `==`.

    A context manager: on leaving, `close`.

    Args:
        network: a lowered network, the one that answers.
        classes: what the classes are called, in their order; their numbers if None.

    Raises:
        OptionError: there is not one name for each class.
    """

    network: Network
    classes: tuple[str, ...]

    def __init__(self, network: Network, classes: Sequence[str] | None = None) -> None:
        if classes is not None and len(classes) != network.classes:
            raise OptionError(
                f"{len(classes)} names of classes, the network {network.name} has {network.classes}; give one for each"
            )
        self.network = network
        self.classes = tuple(map(str, range(network.classes) if classes is None else classes))
        image = network.input
        self._shape = (image.height, image.width, image.channels)

    def predict(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """Integer scores of images. Threads of Python may call the same connection; on a CPU their calls run at once.

        Args:
            images: uint8 of shape (N, height, width, channels), in any strides; lists of whole numbers from 0 to 255
                and pictures of PIL are taken too. One image may come without the first axis, and all of them without
                the last where there is one channel.
            levels: m, the levels to run at, for all images or one for each; M if None.

        Returns:
            Scores of shape (N, classes), or (N, height, width, classes) of a network that answers on a map; without the
            first axis for one image without it. int64, equal wherever the network runs.

        Raises:
            OptionError: the network does not serve these levels, or the connection is closed.
            DatasetError: the images do not fit the network's input.
            RebnetError: what answers has failed; each kind of connection says how.
        """
        taken, counts, alone = self._taken(images, levels)
        scores = self._scores(taken, counts)
        return scores[0] if alone else scores

    def _taken(
        self, images: ArrayLike, levels: int | ArrayLike | None
    ) -> tuple[NDArray[np.uint8], int | NDArray[np.int64] | None, bool]:
        """Images and levels as arrays that fit, and whether it is one image without an axis for it."""
        alone = False
        if type(images) is not np.ndarray or images.shape[1:] != self._shape or images.dtype != np.uint8:
            images, alone = images_of(self.network, images)
        if levels is not None and type(levels) is not int:
            levels = levels_of(levels, len(images), alone)
        return images, levels, alone

    @abstractmethod
    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Scores (N, *network.scores_shape) of images (N, height, width, channels); refuses levels not served."""

    def labels(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """The first index of the largest score of each image, shape (N,), or () of one image without an axis for it.

        Of a network that answers on a map, label maps, (N, height, width) or (height, width). A regression has none.

        Arguments and errors as in `predict`.
        """
        if self.network.regression:
            raise OptionError(f"network {self.network.name}: is a regression, without labels; take values(images)")
        return labels_of(self.predict(images, levels))

    def values(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.float64]:
        """What a regression says of images, in the unit of its targets: scores times what a unit of them is worth.

        Shapes, arguments and errors as in `predict`; float64.

        Raises:
            OptionError: the network's scores are those of classes.
        """
        if not self.network.regression:
            raise OptionError(
                f"network {self.network.name}: its scores are those of classes, which have no unit; take labels(images)"
            )
        return values_of(self.network, self.predict(images, levels), levels)

    def names(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> list[str]:
        """What the class of each image is called, one of `classes`; arguments and errors as in `predict`.

        Raises:
            OptionError: the network answers on a map, too.
        """
        if self.network.answer.positions > 1:
            raise OptionError(
                f"network {self.network.name}: answers on a map; take labels(images), and names as numpy.asarray("
                "predictor.classes)[labels]"
            )
        return [self.classes[label] for label in np.atleast_1d(self.labels(images, levels)).tolist()]

    def run(self, images: NDArray[np.uint8], levels: int | None, progress: Callable[[int], None]) -> NDArray[np.int64]:
        """`predict` of many images, a few at a time; `progress` is called with the number done since the last call."""
        served_index(self.network, levels)
        check_images(self.network, images)
        results = [np.zeros((0, *self.network.scores_shape), dtype=np.int64)]
        for start in range(0, len(images), _CALL):
            results.append(self.predict(images[start : start + _CALL], levels))
            progress(len(results[-1]))
        return np.concatenate(results)

    @abstractmethod
    def close(self) -> None:
        """End what answers, and let go of its line; twice is the same as once."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise OptionError(f"{self!r} stays in the process that opened it, one of it; open another where one is needed")

    @property
    @abstractmethod
    def _where(self) -> str:
        """Where it answers, for people."""

    def __repr__(self) -> str:
        network = self.network
        return f"<{network.name}: {network.classes} classes, M = {network.levels}, {self._where}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def values_of(
    network: Network, scores: NDArray[np.int64], levels: int | ArrayLike | None = None
) -> NDArray[np.float64]:
    """Scores of a regression in the unit of its targets.

    Args:
        network: lowered, a regression.
        scores: of one image or of several, as the network gives them.
        levels: m that they were computed at, of all or of each; M if None.
    """
    counts = np.asarray(network.levels if levels is None else levels)
    units = np.asarray(network.score_units)[[network.served.index(m) for m in counts.reshape(-1).tolist()]]
    several = counts.ndim > 0 and scores.ndim > len(network.scores_shape)
    return np.asarray(scores * (units.reshape(-1, *(1,) * (scores.ndim - 1)) if several else units[0]))


def each_levels(network: Network, count: int, levels: int | NDArray[np.int64] | None) -> NDArray[np.uint8]:
    """Levels of each of `count` images, as TUSER has them.

    Raises:
        OptionError: the network does not serve these levels.
    """
    if levels is None or isinstance(levels, int):
        served_index(network, levels)
        return np.full(count, network.levels if levels is None else levels, dtype=np.uint8)
    for m in np.unique(levels).tolist():
        served_index(network, m)
    return levels.astype(np.uint8)
