"""Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28×28, grey, MNIST's layout.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", 2017, arXiv:1708.07747; https://github.com/zalandoresearch/fashion-mnist, MIT licence.
Debian's package `dataset-fashion-mnist` holds the same files: `--data-dir /usr/share/datasets`.
"""

from pathlib import Path

from rebnet.datasets.dataset import Dataset
from rebnet.datasets.idx import IdxFile, IdxSource, load_source

SOURCE = IdxSource(
    name="fashion-mnist",
    classes=10,
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # the published one, without https
    ),
    train_images=IdxFile("train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", (60_000, 28, 28), 26_421_880),
    train_labels=IdxFile("train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe", (60_000,), 29_515),
    test_images=IdxFile("t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79", (10_000, 28, 28), 4_422_102),
    test_labels=IdxFile("t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310", (10_000,), 5_148),
)


def load(data_dir: Path | None = None) -> Dataset:
    """Load Fashion-MNIST from `data_dir/fashion-mnist` where that folder exists, else from cache or mirror.

    Returns:
        10 classes, images uint8 60000×28×28×1 and 10000×28×28×1; incomplete files are refused.

    Raises:
        DatasetError: a file is missing, damaged or cannot be downloaded.
        MissingExtraError: a download is needed and pooch is not installed.
        OutputError: the cache folder cannot be written.
    """
    return load_source(SOURCE, data_dir)
