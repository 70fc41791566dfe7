"""Which images are held out, and the one shuffled order that every split of an undivided data set uses."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.dataset import Dataset
from rebnet.errors import DatasetError


class Draw(IntEnum):
    """What random numbers of a training are for; every purpose has its own stream."""

    WEIGHTS = 0
    SPLIT = 1
    ORDER = 2
    SHIFT = 3
    FLIP = 4
    LEVELS = 5


def random_seed(seed: int, purpose: Draw, epoch: int = 0) -> int:
    """A 63-bit seed for one purpose in one epoch; the same arguments give the same seed everywhere."""
    return int(np.random.SeedSequence([seed, purpose, epoch]).generate_state(1, np.uint64)[0] >> 1)


def held_out(dataset: Dataset, fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part the training images into those to train on and those to judge by; the test images stay away.

    The order is that of `torch.randperm` with a generator of this seed, without torch: who judges a trained network
    later finds the images that its training held out.

    Args:
        dataset: its training images are parted.
        fraction: share of them to hold out, at least one image.
        seed: the training's.

    Returns:
        int64 indices of the images to train on and of those held out, each in the drawn order.

    Raises:
        DatasetError: fewer than two images would be left to train on.
    """
    count = len(dataset.train_labels)
    held = max(1, round(count * fraction))
    if count - held < 2:
        raise DatasetError(
            f"data set {dataset.name}: {count} training images, of which {held} are held out to judge by; "
            "BatchNorm needs at least 2 to train on, so give more images"
        )
    order = _permutation(count, random_seed(seed, Draw.SPLIT))
    return order[held:], order[:held]


def _permutation(count: int, seed: int) -> NDArray[np.int64]:
    """Fisher and Yates from the front, by the 32-bit outputs of a Mersenne Twister with the seed's low 32 bits."""
    twister = np.random.RandomState(seed & 0xFFFFFFFF)  # torch's generator; numpy froze its stream
    words = twister.randint(0, 1 << 32, count, dtype=np.uint32).astype(np.int64)
    order = list(range(count))
    for place, step in enumerate((words % np.arange(count, 0, -1)).tolist()):
        order[place], order[place + step] = order[place + step], order[place]
    return np.asarray(order, dtype=np.int64)


def fixed_order(count: int) -> NDArray[np.int64]:
    """A permutation of 0 … count − 1 that is the same on every machine and under every numpy.

    It sorts the indices by the first `count` raw outputs of PCG64 with seed 0. Numpy promises (NEP 19)
    that the raw stream of a bit generator never changes; it does not promise this of
    `Generator.permutation`.

    Args:
        count: number of images.

    Returns:
        int64, `count` indices.
    """
    keys = np.random.PCG64(0).random_raw(count)
    return np.argsort(keys, kind="stable").astype(np.int64)
