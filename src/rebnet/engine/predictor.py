"""A compiled network on this processor: what `rebnet.load` returns."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.engine import native, packed
from rebnet.engine.given import images_of, levels_of, whole
from rebnet.engine.reference import check_images, run_mixed, served_index
from rebnet.errors import OptionError
from rebnet.ir.network import Network
from rebnet.spec.scores import labels as labels_of

NUMPY = "numpy"
MOST_THREADS = 1024
_CALL = 256  # images between two signs of progress


def instruction_sets() -> list[str]:
    """What can be chosen here, the fastest first; "numpy" is always there."""
    return [*native.instruction_sets(), NUMPY]


class Predictor:
    """A lowered network, packed once; threads of Python may share it, and so may processes that are forked later.

    Pickling writes the network: what is read again has the threads and the instruction set of its own machine, where
    none were asked for.

    Args:
        network: a lowered network.
        threads: threads that share the images of a call; one per core if None.
        instruction_set: one of `instruction_sets()`; the fastest if None.
        classes: what the classes are called, in their order; their numbers if None.

    Raises:
        OptionError: the network is not lowered, this installation or processor lacks what is asked for, or there is not
            one name for each class.
    """

    def __init__(
        self,
        network: Network,
        threads: int | None = None,
        instruction_set: str | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        legal = f"1 to {MOST_THREADS}"
        count = os.cpu_count() or 1 if threads is None else whole("threads", threads, legal)
        if not 1 <= count <= MOST_THREADS:
            raise OptionError(f"threads={threads}: use {legal}")
        unfit = native.unfit(network)
        here = [NUMPY] if unfit else instruction_sets()
        if instruction_set is not None and instruction_set not in here:
            where = f"for a network whose {unfit}" if unfit else "here"
            raise OptionError(f"instruction_set={instruction_set!r}: there is {', '.join(here)} {where}; choose one")
        if classes is not None and len(classes) != network.classes:
            raise OptionError(
                f"{len(classes)} names of classes, the network {network.name} has {network.classes}; give one for each"
            )
        self._asked = (threads, instruction_set, classes)
        self.network = network
        self.classes = tuple(map(str, range(network.classes) if classes is None else classes))
        self.threads = count
        self.instruction_set = instruction_set or here[0]
        image = network.input
        self._shape = (image.height, image.width, image.channels)
        self._places: dict[int | None, int] = {None: served_index(network, None)}  # of the sets of constants, by levels
        self._places.update((m, served_index(network, m)) for m in network.served)
        self._native = None
        if self.instruction_set == NUMPY:
            self._numpy = packed.PackedEngine(network, count)
        else:
            self._native = native.NativeEngine(network, count, self.instruction_set)

    def predict(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """Integer scores of images. Other threads of Python go on meanwhile, and may call the same predictor.

        Args:
            images: uint8 of shape (N, height, width, channels), in any strides; lists of whole numbers from 0 to 255
                and pictures of PIL are taken too. One image may come without the first axis, and all of them without
                the last where there is one channel.
            levels: m, the levels to run at, for all images or one for each; M if None.

        Returns:
            Scores of shape (N, classes), or (N, height, width, classes) of a network that answers on a map; without the
            first axis for one image without it. int64, equal on every instruction set.

        Raises:
            OptionError: the network does not serve these levels.
            DatasetError: the images do not fit the network's input.
        """
        alone = False
        if type(images) is not np.ndarray or images.shape[1:] != self._shape or images.dtype != np.uint8:
            images, alone = images_of(self.network, images)
        if levels is not None and type(levels) is not int:
            levels = levels_of(levels, len(images), alone)
        scores = self._scores(images, levels)
        return scores[0] if alone else scores

    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        if levels is None or isinstance(levels, int):
            if levels not in self._places:
                served_index(self.network, levels)
            if self._native is not None:
                return self._native.run(self.network.input.taken(images), self._places[levels])
            return self._numpy.run(images, levels)
        for m in np.unique(levels).tolist():
            served_index(self.network, m)
        if self._native is not None:
            images = self.network.input.taken(images)
            return self._native.run(images, 0, np.array([self._places[m] for m in levels.tolist()], dtype=np.int32))
        return run_mixed(self.network, images, levels, lambda _, chosen, m: self._numpy.run(chosen, m))

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

    def __reduce__(self) -> tuple[type["Predictor"], tuple[Any, ...]]:
        return type(self), (self.network, *self._asked)

    def __repr__(self) -> str:
        return (
            f"<{self.network.name}: {self.network.classes} classes, M = {self.network.levels}, "
            f"{self.instruction_set}, {self.threads} threads>"
        )


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


def run(
    network: Network,
    images: NDArray[np.uint8],
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Integer scores of every image by the fastest engine here; arguments and errors as in `reference.run`."""
    return Predictor(network, threads).run(images, levels, progress)
