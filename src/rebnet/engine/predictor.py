"""A compiled network on this processor: what `rebnet.load` returns."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.engine import native, packed
from rebnet.engine.reference import check_images, run_mixed, served_index
from rebnet.errors import OptionError
from rebnet.ir.ops import Network
from rebnet.spec.scores import labels as labels_of

NUMPY = "numpy"
MOST_THREADS = 1024
_CALL = 256  # images between two signs of progress


def instruction_sets() -> list[str]:
    """What can be chosen here, the fastest first; "numpy" is always there."""
    return [*native.instruction_sets(), NUMPY]


class Predictor:
    """A lowered network, packed once; threads of Python may share it.

    Args:
        network: a lowered network.
        threads: threads that share the images of a call; one per core if None.
        instruction_set: one of `instruction_sets()`; the fastest if None.

    Raises:
        OptionError: the network is not lowered, or this installation or processor lacks what is asked for.
    """

    def __init__(self, network: Network, threads: int | None = None, instruction_set: str | None = None) -> None:
        count = threads if threads is not None else os.cpu_count() or 1
        if not 1 <= count <= MOST_THREADS:
            raise OptionError(f"threads={threads}: use 1 to {MOST_THREADS}")
        here = instruction_sets()
        if instruction_set is not None and instruction_set not in here:
            raise OptionError(f"instruction_set={instruction_set!r}: there is {', '.join(here)} here; choose one")
        self.network = network
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

    def predict(self, images: NDArray[np.uint8], levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """Integer scores of images. Other threads of Python go on meanwhile; calls of one predictor take turns.

        Args:
            images: uint8 of shape (N, height, width, channels), in any strides.
            levels: m, the levels to run at, for all images or one for each; M if None.

        Returns:
            Scores of shape (N, classes), int64, equal on every instruction set.

        Raises:
            OptionError: the network does not serve these levels.
            DatasetError: the images do not fit the network's input.
        """
        if images.shape[1:] != self._shape or images.dtype != np.uint8:
            check_images(self.network, images)
        if levels is None or isinstance(levels, int):
            if levels not in self._places:
                served_index(self.network, levels)
            if self._native is not None:
                return self._native.run(images, self._places[levels])
            return self._numpy.run(images, levels)
        own = _own(np.asarray(levels), len(images))
        for m in np.unique(own).tolist():
            served_index(self.network, m)
        if self._native is not None:
            return self._native.run(images, 0, np.array([self._places[m] for m in own.tolist()], dtype=np.int32))
        return run_mixed(self.network, images, own, lambda _, chosen, m: self._numpy.run(chosen, m))

    def labels(self, images: NDArray[np.uint8], levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """The first index of the largest score of each image, shape (N,); arguments and errors as in `predict`."""
        return labels_of(self.predict(images, levels))

    def run(self, images: NDArray[np.uint8], levels: int | None, progress: Callable[[int], None]) -> NDArray[np.int64]:
        """`predict` of many images, a few at a time; `progress` is called with the number done since the last call."""
        served_index(self.network, levels)
        check_images(self.network, images)
        results = [np.zeros((0, self.network.classes), dtype=np.int64)]
        for start in range(0, len(images), _CALL):
            results.append(self.predict(images[start : start + _CALL], levels))
            progress(len(results[-1]))
        return np.concatenate(results)

    def __repr__(self) -> str:
        return (
            f"<{self.network.name}: {self.network.classes} classes, M = {self.network.levels}, "
            f"{self.instruction_set}, {self.threads} threads>"
        )


def run(
    network: Network,
    images: NDArray[np.uint8],
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Integer scores of every image by the fastest engine here; arguments and errors as in `reference.run`."""
    return Predictor(network, threads).run(images, levels, progress)


def _own(levels: NDArray[Any], images: int) -> NDArray[np.int64]:
    """One level count per image, checked."""
    if levels.shape != (images,) or levels.dtype.kind not in "iu":
        raise OptionError(
            f"levels of shape {levels.shape} for {images} images; give one whole number for all, or one for each image"
        )
    return levels.astype(np.int64)
