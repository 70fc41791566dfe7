"""SVHN, cropped digits: house numbers in Google Street View, 32×32, colour.

    train_32x32.mat    73,257 images
    extra_32x32.mat   531,131 images, easier ones; training images too, after those of train
    test_32x32.mat     26,032 images

Source: Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng, "Reading Digits in Natural Images with
Unsupervised Feature Learning", NIPS workshop, 2011; http://ufldl.stanford.edu/housenumbers/, "Format 2". A MATLAB
file holds `X`, 32×32×3×N, and `y`, N×1, in which digit 0 is class 10; here it is class 0.

Both training files together are 1.9 GB of pixels; loading needs 3.5 GB and some tens of seconds, most of
them spent on unpacking. scipy reads the files; only plain number arrays are
accepted of it. It can crash the process on a damaged file, so it is given only files whose hash is the
published one, also in a data folder.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.class_names import PUBLISHED
from rebnet.datasets.dataset import Dataset, Images, Labels
from rebnet.datasets.download import fetch
from rebnet.datasets.folder import find_file, find_folder
from rebnet.errors import DatasetError
from rebnet.files import Array

NAME = "svhn"
CLASSES = 10

_SIZE, _CHANNELS = 32, 3


@dataclass(frozen=True)
class SvhnFile:
    """One published file: its name, its md5, its number of images and its bytes."""

    name: str
    md5: str
    count: int
    size: int


@dataclass(frozen=True)
class SvhnSource:
    """The files of both parts.

    Attributes:
        mirrors: addresses that end in a slash, tried in this order.
        train: the files of the training part, in this order.
        test: the file of the test part.
    """

    mirrors: tuple[str, ...]
    train: tuple[SvhnFile, ...]
    test: SvhnFile


SOURCE = SvhnSource(
    mirrors=(
        "https://ufldl.stanford.edu/housenumbers/",
        "http://ufldl.stanford.edu/housenumbers/",  # the published one; the hash decides
    ),
    train=(
        SvhnFile("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 73_257, 182_040_794),
        SvhnFile("extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7", 531_131, 1_329_278_602),
    ),
    test=SvhnFile("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 26_032, 64_275_384),
)


def load(data_dir: Path | None = None) -> Dataset:
    """Load SVHN from `data_dir/svhn` where that folder exists, else from the cache or the mirror.

    Returns:
        10 classes, images uint8 604388×32×32×3 and 26032×32×32×3 (red, green, blue); incomplete files
        are refused.

    Raises:
        DatasetError: a file is missing, damaged or cannot be downloaded.
        MissingExtraError: a download is needed and pooch is not installed.
        OutputError: the cache folder cannot be written.
    """
    return load_source(SOURCE, data_dir)


def load_source(source: SvhnSource, data_dir: Path | None, cache: Path | None = None) -> Dataset:
    """Load `source`; see `load`.

    Args:
        source: what to load.
        data_dir: folder that holds data sets; None goes straight to the cache.
        cache: folder for downloads; None takes the user's cache folder.
    """
    folder = find_folder(data_dir, NAME)

    def locate(file: SvhnFile) -> Path:
        if folder is not None:
            return _check_hash(find_file(folder, file.name, "three", NAME), file.md5)
        return fetch(NAME, file.name, file.md5, file.size, source.mirrors, cache)

    train_images, train_labels = _read_part(locate, source.train)
    test_images, test_labels = _read_part(locate, (source.test,))
    return Dataset(NAME, CLASSES, train_images, train_labels, test_images, test_labels, PUBLISHED[NAME])


def _check_hash(path: Path, md5: str) -> Path:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); {_way_out(path)}") from None
    if found != md5:
        raise DatasetError(f"{path}: md5 is {found}, that of the published file is {md5}; {_way_out(path)}")
    return path


def _read_part(locate: Callable[[SvhnFile], Path], files: tuple[SvhnFile, ...]) -> tuple[Images, Labels]:
    """The images and labels of the files, one after the other; one file at a time is held twice."""
    paths = [locate(file) for file in files]
    count = sum(file.count for file in files)
    images, labels = np.empty((count, _SIZE, _SIZE, _CHANNELS), np.uint8), np.empty(count, np.int64)
    start = 0
    for path, file in zip(paths, files, strict=True):
        end = start + file.count
        images[start:end], labels[start:end] = read_mat(path, file.count)
        start = end
    return images, labels


def read_mat(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a MATLAB file, whose hash has been checked, with scipy.

    Returns:
        The images as a view N×H×W×C, and their classes 0 to 9.

    Raises:
        DatasetError: the file cannot be read, or X or y is not what the data set publishes.
    """
    from scipy.io import loadmat  # takes half a second to import

    try:
        with path.open("rb") as file:
            variables: dict[str, object] = loadmat(
                file, variable_names=("X", "y"), squeeze_me=False, struct_as_record=True
            )
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error}); {_way_out(path)}") from None
    except NotImplementedError:
        raise DatasetError(
            f"{path}: a MATLAB file of version 7.3, the published one is of version 5; {_way_out(path)}"
        ) from None
    except Exception as error:  # scipy lets every damage out as it struck: zlib.error, TypeError, KeyError, ...
        raise DatasetError(f"{path}: not a readable MATLAB file ({error}); {_way_out(path)}") from None
    shape = (_SIZE, _SIZE, _CHANNELS, count)
    images = _variable(path, variables, "X", shape, "uint8")
    numbers = _variable(path, variables, "y", (count, 1), "uint8", "float64")[:, 0]
    wrong = np.flatnonzero(~np.isin(numbers, np.arange(1, CLASSES + 1)))
    if wrong.size:
        raise DatasetError(
            f"{path}: y[{wrong[0]}] is {numbers[wrong[0]]}, labels must be 1 to {CLASSES}, and {CLASSES} is digit 0; "
            f"{_way_out(path)}"
        )
    return images.transpose(3, 0, 1, 2), numbers.astype(np.int64) % CLASSES


def _variable(path: Path, variables: dict[str, object], key: str, shape: tuple[int, ...], *dtypes: str) -> Array:
    """The array `key`, if it has this shape and one of these types; never objects."""
    array = variables.get(key)
    if array is None:
        raise DatasetError(f"{path}: variable {key} is missing, X and y are required; {_way_out(path)}")
    if not isinstance(array, np.ndarray) or array.dtype.name not in dtypes:
        held = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise DatasetError(f"{path}: {key} holds {held}, it must hold {' or '.join(dtypes)}; {_way_out(path)}")
    if array.shape != shape:
        raise DatasetError(f"{path}: {key} is {_times(array.shape)}, it must be {_times(shape)}; {_way_out(path)}")
    return array


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in sizes)


def _way_out(path: Path) -> str:
    return f"replace {path.name} by the published file"
