"""A compiled network on this processor: what `rebnet.load` returns."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.engine import native, packed
from rebnet.engine.connection import Connection
from rebnet.engine.given import whole
from rebnet.engine.reference import run_mixed, served_index
from rebnet.errors import OptionError
from rebnet.ir.network import Network

NUMPY = "numpy"
MOST_THREADS = 1024


def instruction_sets() -> list[str]:
    """What can be chosen here, the fastest first; "numpy" is always there."""
    return [*native.instruction_sets(), NUMPY]


class Predictor(Connection):
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
        super().__init__(network, classes)
        self._asked = (threads, instruction_set, classes)
        self.threads = count
        self.instruction_set = instruction_set or here[0]
        self._places: dict[int | None, int] = {None: served_index(network, None)}  # of the sets of constants, by levels
        self._places.update((m, served_index(network, m)) for m in network.served)
        self._native = None
        if self.instruction_set == NUMPY:
            self._numpy = packed.PackedEngine(network, count)
        else:
            self._native = native.NativeEngine(network, count, self.instruction_set)

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

    def close(self) -> None:
        """Nothing has to end; it goes on answering."""

    def __reduce__(self) -> tuple[type["Predictor"], tuple[Any, ...]]:
        return type(self), (self.network, *self._asked)

    @property
    def _where(self) -> str:
        return f"{self.instruction_set}, {self.threads} threads"


def run(
    network: Network,
    images: NDArray[np.uint8],
    levels: int | None = None,
    progress: Callable[[int], None] = lambda images_done: None,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Integer scores of every image by the fastest engine here; arguments and errors as in `reference.run`."""
    return Predictor(network, threads).run(images, levels, progress)
