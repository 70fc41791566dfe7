"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28, grey.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE, 1998; http://yann.lecun.com/exdb/mnist/.
"""

from pathlib import Path

from rebnet.datasets.dataset import Dataset
from rebnet.datasets.idx import IdxFile, IdxSource, load_source

SOURCE = IdxSource(
    name="mnist",
    classes=10,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    train_images=IdxFile("train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873", (60_000, 28, 28), 9_912_422),
    train_labels=IdxFile("train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432", (60_000,), 28_881),
    test_images=IdxFile("t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3", (10_000, 28, 28), 1_648_877),
    test_labels=IdxFile("t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c", (10_000,), 4_542),
)


def load(data_dir: Path | None = None) -> Dataset:
    """Load MNIST from `data_dir/mnist` where that folder exists, else from the cache or the mirrors.

    Returns:
        10 classes, images uint8 60000×28×28×1 and 10000×28×28×1. A file with fewer images is refused, so
        that a recorded accuracy is always that of the whole set; a part of it can be an `npz:FILE`.

    Raises:
        DatasetError: a file is missing, damaged or cannot be downloaded.
        MissingExtraError: a download is needed and pooch is not installed.
        OutputError: the cache folder cannot be written.
    """
    return load_source(SOURCE, data_dir)
