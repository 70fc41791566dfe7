"""The one shuffled order that every split of an undivided data set uses."""

import numpy as np
from numpy.typing import NDArray


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
