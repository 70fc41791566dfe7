"""CIFAR-10: 50,000 training and 10,000 test images of ten kinds of things, 32×32, colour.

    airplane automobile bird cat deer dog frog horse ship truck       classes 0 to 9

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html, "binary version". A file is a row of records and nothing else;
a record is one label byte and 1024 red, 1024 green and 1024 blue bytes, each plane row by row.

The archive is downloaded once, its six data files are unpacked into the cache and the archive is
removed. Cached files are checked against their hashes whenever they are read.
"""

import hashlib
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.class_names import PUBLISHED
from rebnet.datasets.dataset import Dataset, Images, Labels
from rebnet.datasets.download import cache_folder, fetch, keep
from rebnet.datasets.folder import find_file, find_folder
from rebnet.errors import DatasetError

NAME = "cifar10"

FOLDER = "cifar-10-batches-bin"
"""The published folder, in the archive, in a data folder and in the cache."""

CLASSES = 10

_SIZE, _CHANNELS = 32, 3
_PIXELS = _SIZE * _SIZE * _CHANNELS
RECORD_BYTES = 1 + _PIXELS


@dataclass(frozen=True)
class CifarFile:
    """One published file of records: its name and its md5."""

    name: str
    md5: str


@dataclass(frozen=True)
class CifarSource:
    """The archive and what is in it.

    Attributes:
        archive: name of the gzipped tar archive.
        md5: its hash.
        size: its bytes.
        mirrors: addresses that end in a slash, tried in this order.
        train: the files of the training part, in this order.
        test: the file of the test part.
        images_per_file: records in every file.
    """

    archive: str
    md5: str
    size: int
    mirrors: tuple[str, ...]
    train: tuple[CifarFile, ...]
    test: CifarFile
    images_per_file: int

    @property
    def files(self) -> tuple[CifarFile, ...]:
        """All files."""
        return (*self.train, self.test)


SOURCE = CifarSource(
    archive="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    size=170_052_171,
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    train=(
        CifarFile("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"),
        CifarFile("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"),
        CifarFile("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"),
        CifarFile("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"),
        CifarFile("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"),
    ),
    test=CifarFile("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"),
    images_per_file=10_000,
)


def load(data_dir: Path | None = None) -> Dataset:
    """Load CIFAR-10 from `data_dir/cifar-10-batches-bin` where it exists, else from cache or mirror.

    Returns:
        10 classes, images uint8 50000×32×32×3 and 10000×32×32×3 (red, green, blue); incomplete files
        are refused.

    Raises:
        DatasetError: a file is missing, damaged or cannot be downloaded.
        MissingExtraError: pooch, which knows the cache folder, is needed and not installed.
        OutputError: the cache folder cannot be written.
    """
    return load_source(SOURCE, data_dir)


def load_source(source: CifarSource, data_dir: Path | None, cache: Path | None = None) -> Dataset:
    """Load `source`; see `load`.

    Files in a data folder are checked by their structure, cached files by their hash as well.

    Args:
        source: what to load.
        data_dir: folder that holds data sets; None goes straight to the cache.
        cache: folder for downloads; None takes the user's cache folder.
    """
    folder = find_folder(data_dir, FOLDER)
    if folder is None:
        folder = _cached(source, cache)
    images = np.empty((len(source.files), source.images_per_file, _SIZE, _SIZE, _CHANNELS), np.uint8)
    labels = np.empty((len(source.files), source.images_per_file), np.int64)
    for file, file_images, file_labels in zip(source.files, images, labels, strict=True):
        path = find_file(folder, file.name, "six", NAME)
        _unpack(path, read_records(path, source.images_per_file), file_images, file_labels)
    shape = (-1, _SIZE, _SIZE, _CHANNELS)
    train = images[:-1].reshape(shape), labels[:-1].reshape(-1)
    return Dataset(NAME, CLASSES, *train, images[-1], labels[-1], PUBLISHED[NAME])


def read_records(path: Path, count: int) -> NDArray[np.uint8]:
    """Read a file of `count` records.

    Returns:
        uint8, count×3073: a label and 3072 pixels a row. Labels are not checked.

    Raises:
        DatasetError: the file cannot be read, is truncated or too long.
    """
    try:
        size = path.stat().st_size
        if size != count * RECORD_BYTES:
            raise DatasetError(
                f"{path}: holds {size} bytes, {count} records of {RECORD_BYTES} bytes are {count * RECORD_BYTES}; "
                f"{_way_out(path)}"
            )
        return np.fromfile(path, np.uint8, count * RECORD_BYTES).reshape(count, RECORD_BYTES)
    except (OSError, ValueError) as error:  # ValueError: shorter than its size was
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DatasetError(f"{path}: cannot be read ({reason}); {_way_out(path)}") from None


def _unpack(path: Path, records: NDArray[np.uint8], images: Images, labels: Labels) -> None:
    """Copy checked labels, and pixels from planes to height, width, channel, into the two arrays."""
    labels[:] = records[:, 0]
    wrong = np.flatnonzero(labels >= CLASSES)
    if wrong.size:
        raise DatasetError(
            f"{path}: the label of record {wrong[0]} is {labels[wrong[0]]}, labels must be 0 to {CLASSES - 1}; "
            f"{_way_out(path)}"
        )
    planes = records[:, 1:].reshape(-1, _CHANNELS, _SIZE, _SIZE)
    for channel in range(_CHANNELS):  # twice as fast as one transposed copy
        images[..., channel] = planes[:, channel]


def _way_out(path: Path) -> str:
    return f"replace {path.name} by the published file"


def _cached(source: CifarSource, cache: Path | None) -> Path:
    """The cached folder with every file whole; downloads the archive where one is not."""
    folder = cache_folder(NAME, cache) / FOLDER
    if all(_is_whole(folder / file.name, file.md5) for file in source.files):
        return folder
    archive = fetch(NAME, source.archive, source.md5, source.size, source.mirrors, cache, layout=FOLDER)
    extract(archive, source, folder)
    archive.unlink(missing_ok=True)
    return folder


def _is_whole(path: Path, md5: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == md5
    except OSError:
        return False


def extract(archive: Path, source: CifarSource, folder: Path) -> None:
    """Write the data files of the archive to `folder`, each in one step, and nothing else.

    A member is taken only if it is a plain file with exactly a published name; the place it is
    written to is made from that name and never from the archive.

    Raises:
        DatasetError: the archive is damaged, or lacks a file, or holds another file under its name.
        OutputError: the folder cannot be written.
    """
    wanted = {f"{FOLDER}/{file.name}": file for file in source.files}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() and member.name in wanted else None
                if content is None:
                    continue
                file = wanted.pop(member.name)
                data = content.read(source.images_per_file * RECORD_BYTES + 1)
                if hashlib.md5(data).hexdigest() != file.md5:
                    raise DatasetError(f"{archive}: {member.name} is not the published file; {_way_out(archive)}")
                keep(folder, file.name, data)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{archive}: cannot be unpacked ({error}); {_way_out(archive)}") from None
    if wanted:
        raise DatasetError(f"{archive}: {next(iter(wanted))} is not in the archive; {_way_out(archive)}")
