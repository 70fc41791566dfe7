"""IDX, the file format of MNIST: a magic number, the sizes, then the bytes; plain or gzipped.

Format: Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist/, "FILE FORMATS". The magic number
is four bytes: 0, 0, the element type (8 = unsigned byte, the only one read here) and the number of
axes; each size is a 32-bit big-endian integer.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.class_names import PUBLISHED
from rebnet.datasets.dataset import Dataset, Images, Labels, check_labels
from rebnet.datasets.download import fetch
from rebnet.datasets.folder import find_folder
from rebnet.errors import DatasetError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 8


@dataclass(frozen=True)
class IdxFile:
    """One published file: its name without `.gz`, md5 and bytes of the published `.gz`, and its shape."""

    name: str
    md5: str
    shape: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class IdxSource:
    """A published data set of four IDX files.

    Attributes:
        name: its name, also that of its folder in a data folder and in the cache.
        classes: number of classes.
        mirrors: addresses that end in a slash, tried in this order.
        train_images: shape N×H×W, grey.
        train_labels: shape N.
        test_images: shape N×H×W.
        test_labels: shape N.
    """

    name: str
    classes: int
    mirrors: tuple[str, ...]
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile


def load_source(source: IdxSource, data_dir: Path | None, cache: Path | None = None) -> Dataset:
    """Load `source` from `data_dir/NAME` where that folder exists, else download and cache it.

    Files in a data folder may be gzipped or not, and recompressed: their structure is checked, not
    their hash. Downloaded files are checked against `IdxFile.md5`.

    Args:
        source: what to load.
        data_dir: folder that holds data sets; None goes straight to the cache.
        cache: folder for downloads; None takes the user's cache folder.

    Returns:
        Images with one channel.

    Raises:
        DatasetError: a file is missing, damaged, not this data set's, or cannot be downloaded.
        MissingExtraError: a download is needed and pooch is not installed.
        OutputError: the cache folder cannot be written.
    """
    folder = find_folder(data_dir, source.name)

    def locate(file: IdxFile) -> Path:
        if folder is not None:
            return _find(folder, file)
        return fetch(source.name, f"{file.name}.gz", file.md5, file.size, source.mirrors, cache)

    train_images, train_labels = _read_part(source, locate, source.train_images, source.train_labels)
    test_images, test_labels = _read_part(source, locate, source.test_images, source.test_labels)
    names = PUBLISHED.get(source.name, ())
    return Dataset(source.name, source.classes, train_images, train_labels, test_images, test_labels, names)


def _find(folder: Path, file: IdxFile) -> Path:
    plain, gzipped = folder / file.name, folder / f"{file.name}.gz"
    if plain.is_file():
        return plain
    if gzipped.is_file():
        return gzipped
    raise DatasetError(
        f"{plain}[.gz]: no such file, {folder} must hold all four files of {folder.name}; "
        "add it, or leave out --data-dir to download them"
    )


def _read_part(
    source: IdxSource, locate: Callable[[IdxFile], Path], image_file: IdxFile, label_file: IdxFile
) -> tuple[Images, Labels]:
    images = read_idx(locate(image_file), image_file.shape)[..., None]
    labels_path = locate(label_file)
    labels = read_idx(labels_path, label_file.shape).astype(np.int64)
    check_labels(str(labels_path), "labels", labels, "images", len(images), classes=source.classes)
    return images, labels


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped (told by its content, not by its name).

    Args:
        path: the file.
        shape: the sizes that its header must hold. Checked before anything is allocated.

    Returns:
        uint8 array of this shape, writable.

    Raises:
        DatasetError: the file is missing, truncated, too long, corrupt or has another header.
    """
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not compressed:
                return _read_stream(path, raw, shape)
            with gzip.GzipFile(fileobj=raw) as file:
                return _read_stream(path, file, shape)
    except EOFError:
        raise DatasetError(f"{path}: the gzip data end early, the file is truncated; {_way_out(path)}") from None
    except zlib.error as error:
        raise DatasetError(f"{path}: the gzip data are corrupt ({error}); {_way_out(path)}") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error}); {_way_out(path)}") from None


def _read_stream(path: Path, file: IO[bytes] | gzip.GzipFile, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    magic = bytes((0, 0, _UNSIGNED_BYTE, len(shape)))
    found = file.read(4)
    if found != magic:
        raise DatasetError(
            f"{path}: begins with {_hex(found)}, an IDX file of bytes with {len(shape)} "
            f"{'axis' if len(shape) == 1 else 'axes'} begins with {_hex(magic)}; {_way_out(path)}"
        )
    header = file.read(4 * len(shape))
    if len(header) != 4 * len(shape):
        raise DatasetError(
            f"{path}: ends after {4 + len(header)} bytes, the header takes {4 + 4 * len(shape)}; {_way_out(path)}"
        )
    sizes = tuple(int(size) for size in np.frombuffer(header, dtype=">u4"))
    if sizes != shape:
        raise DatasetError(f"{path}: header says {_times(sizes)}, it must say {_times(shape)}; {_way_out(path)}")
    count = int(np.prod(shape))
    data = file.read(count + 1)
    if len(data) > count:
        raise DatasetError(
            f"{path}: holds more than the {count} bytes of {_times(shape)} that its header says; {_way_out(path)}"
        )
    if len(data) < count:
        raise DatasetError(
            f"{path}: holds {len(data)} bytes, its header says {_times(shape)} = {count}; {_way_out(path)}"
        )
    return np.frombuffer(data, dtype=np.uint8).reshape(shape).copy()


def _way_out(path: Path) -> str:
    return f"replace {path.name} by the published file"


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in sizes)


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}" if data else "nothing"
