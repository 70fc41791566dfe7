"""Labelled images as numpy arrays: `load` by name, the same `Dataset` whatever the source.

    digits          scikit-learn's 8×8 digits, embedded in the package, no download
    mnist           28×28 handwritten digits
    fashion-mnist   28×28 pictures of clothing
    npz:FILE        arrays of your own

MNIST and Fashion-MNIST are read from a folder that already holds them, or else downloaded once,
checked against known hashes and cached.
"""

from pathlib import Path

from rebnet.datasets import digits, fashion_mnist, mnist, npz
from rebnet.datasets.dataset import Dataset
from rebnet.errors import DatasetError

__all__ = ["NAMES", "Dataset", "load"]

NAMES = ("digits", "mnist", "fashion-mnist", "npz:FILE")
"""Every legal data set name, in the order that help texts show; FILE stands for a path."""


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """Load the data set `name`, one of `NAMES`.

    Args:
        name: `digits`, `mnist`, `fashion-mnist`, or `npz:` followed by the path of a file.
        data_dir: folder that already holds the data sets in their published layout, for example
            `data_dir/mnist/train-images-idx3-ubyte.gz`. Where it is None or has no folder of that
            data set, the files come from the cache or are downloaded. `digits` and `npz:FILE` ignore it.

    Returns:
        Images uint8 N×H×W×C and labels int64 N, split into training and test part.

    Raises:
        DatasetError: the name is unknown, or the files are missing, damaged or cannot be downloaded.
        MissingExtraError: a download is needed and the `data` extra is not installed.
        OutputError: a download is needed and the cache folder cannot be written.
    """
    if name.startswith(npz.PREFIX):
        return npz.load(Path(name.removeprefix(npz.PREFIX)))
    match name:
        case "digits":
            return digits.load()
        case "mnist":
            return mnist.load(data_dir)
        case "fashion-mnist":
            return fashion_mnist.load(data_dir)
    raise DatasetError(f"data set {name!r} is unknown; use {', '.join(NAMES[:-1])} or {NAMES[-1]}")
