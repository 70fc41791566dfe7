"""Labelled images as numpy arrays: `load` by name, the same `Dataset` whatever the source.

    digits          scikit-learn's 8×8 digits, embedded in the package, no download
    mnist           28×28 handwritten digits
    fashion-mnist   28×28 pictures of clothing
    cifar10         32×32 colour pictures of ten kinds of things
    svhn            32×32 colour pictures of house numbers
    imagenet        224×224 colour pictures, one folder a class, never downloaded
    npz:FILE        arrays of your own

MNIST, Fashion-MNIST, CIFAR-10 and SVHN are read from a folder that already holds them, or else downloaded
once, checked against known hashes and cached. Their layout in that folder is the published one:

    DIR/mnist/train-images-idx3-ubyte.gz              or without .gz; three more
    DIR/fashion-mnist/train-images-idx3-ubyte.gz      the same
    DIR/cifar-10-batches-bin/data_batch_1.bin         five of these and test_batch.bin
    DIR/svhn/train_32x32.mat                          and extra_32x32.mat, test_32x32.mat
    DIR/imagenet/train/CLASS/NAME.JPEG                and val/CLASS/NAME.JPEG
"""

from collections.abc import Callable
from pathlib import Path

from rebnet.datasets import cifar10, digits, fashion_mnist, imagenet, mnist, npz, svhn
from rebnet.datasets.dataset import Dataset
from rebnet.errors import DatasetError

__all__ = ["NAMES", "Dataset", "load"]

NAMES = ("digits", "mnist", "fashion-mnist", "cifar10", "svhn", "imagenet", "npz:FILE")
"""Every legal data set name, in the order that help texts show; FILE stands for a path."""

_PUBLISHED: dict[str, Callable[[Path | None], Dataset]] = {
    "mnist": mnist.load,
    "fashion-mnist": fashion_mnist.load,
    "cifar10": cifar10.load,
    "svhn": svhn.load,
    "imagenet": imagenet.load,
}


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """Load the data set `name`, one of `NAMES`.

    Args:
        name: `digits`, `mnist`, `fashion-mnist`, `cifar10`, `svhn`, `imagenet`, or `npz:` followed by the path
            of a file.
        data_dir: folder that already holds the data sets in their published layout, drawn above. Where
            it is None or has no folder of that data set, the files come from the cache or are downloaded;
            `imagenet` must be there. `digits` and `npz:FILE` ignore it.

    Returns:
        Images uint8 N×H×W×C and labels int64 N, split into training and test part. Those of `imagenet` are
        read-only and stay on disk until they are looked at.

    Raises:
        DatasetError: the name is unknown, or the files are missing, damaged or cannot be downloaded.
        MissingExtraError: a package of the `data` extra is needed, to download or to read, and not installed.
        OutputError: the cache folder is needed and cannot be written.
    """
    if name.startswith(npz.PREFIX):
        return npz.load(Path(name.removeprefix(npz.PREFIX)))
    if name == "digits":
        return digits.load()
    if name in _PUBLISHED:
        return _PUBLISHED[name](data_dir)
    raise DatasetError(f"data set {name!r} is unknown; use {', '.join(NAMES[:-1])} or {NAMES[-1]}")
