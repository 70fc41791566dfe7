"""Arrays of your own: `npz:FILE`, a file that `numpy.savez` or `numpy.savez_compressed` wrote.

    images        uint8, N×H×W×C; signals are N×W×C, images of height 1 (gray images keep an axis of 1 channel)
    labels        integers, N, classes numbered from 0; or label maps, N×H×W (N×W of signals), -1 where none is judged
    test_images   uint8, the same   optional, together with test_labels
    test_labels   integers, the same
    class_names   texts, one a class   optional; without them there are as many classes as labels

Without the test arrays a fifth of the images (rounded down, at least one) becomes the test part: the
last indices of `fixed_order(N)`, the same ones on every machine. Other arrays in the file are ignored.
"""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from rebnet.datasets.dataset import Dataset, check_images, check_labels, check_same_shape
from rebnet.datasets.split import fixed_order
from rebnet.errors import DatasetError
from rebnet.files import Array
from rebnet.paths import path_of

PREFIX = "npz:"

REQUIRED = ("images", "labels")
OPTIONAL = ("test_images", "test_labels")
NAMES = "class_names"

_RECIPE = "write it with numpy.savez(FILE, images=..., labels=...)"


def load(path: Path) -> Dataset:
    """Load the data set in the .npz file `path`; a leading ~ is the home folder.

    Returns:
        As many classes as there are names for them, else as the largest label of both parts plus one.

    Raises:
        DatasetError: the file is missing or damaged, or one of its arrays breaks a rule above.
        OptionError: no system takes such a path.
    """
    arrays = _read(path_of(path))
    where = str(path)
    for images_key, labels_key in (REQUIRED, OPTIONAL):
        if images_key not in arrays:
            continue
        signals = arrays[images_key].ndim == 3
        images = arrays[images_key] = _on_rows(arrays[images_key], signals)
        arrays[labels_key] = _on_rows(arrays[labels_key], signals and arrays[labels_key].ndim == 2)
        check_images(where, images_key, images)
        check_labels(where, labels_key, arrays[labels_key], images_key, len(images))
    if OPTIONAL[0] not in arrays:
        _split(where, arrays)
    check_same_shape(where, ("images", arrays["images"]), ("test_images", arrays["test_images"]))
    labels, test_labels = arrays["labels"].astype(np.int64), arrays["test_labels"].astype(np.int64)
    names = _class_names(where, arrays.get(NAMES))
    return Dataset(
        name=f"{PREFIX}{path}",
        classes=len(names) or int(max(labels.max(), test_labels.max())) + 1,
        train_images=arrays["images"],
        train_labels=labels,
        test_images=arrays["test_images"],
        test_labels=test_labels,
        class_names=names,
    )


def _on_rows(array: Array, signals: bool) -> Array:
    """Signals, and labels along them, are maps of height 1."""
    return array[:, None] if signals else array


def _class_names(where: str, names: Array | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.ndim != 1 or not all(names.tolist()):
        raise DatasetError(
            f"{where}: {NAMES} has dtype {names.dtype} and shape {names.shape}, it must hold a text for each class; "
            "write it as numpy.array(['cat', 'dog'])"
        )
    return tuple(names.tolist())


def _split(where: str, arrays: dict[str, Array]) -> None:
    """Move a fifth of `images` and `labels` to the test arrays, in place."""
    images, labels = arrays["images"], arrays["labels"]
    count = len(images)
    if count < 2:
        raise DatasetError(
            f"{where}: images holds {count} image, at least 2 are needed to split off a test part; "
            "add images, or test_images and test_labels"
        )
    order = fixed_order(count)
    cut = count - max(1, count // 5)
    arrays["images"], arrays["labels"] = images[order[:cut]], labels[order[:cut]]
    arrays["test_images"], arrays["test_labels"] = images[order[cut:]], labels[order[cut:]]


def _read(path: Path) -> dict[str, Array]:
    """The required and, where present, the optional arrays of the file; nothing is unpickled."""
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; write the path of an existing .npz file after {PREFIX}")
    try:
        if not zipfile.is_zipfile(path):
            raise DatasetError(f"{path}: not a zip archive, as every .npz file must be; {_RECIPE}")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: _member(path, archive, key) for key in _keys(path, set(archive.files))}
    except DatasetError:
        raise
    except Exception as error:  # zipfile and numpy let a damage out as it struck: BadZipFile, struct.error, ...
        raise DatasetError(f"{path}: cannot be read as an .npz file ({_reason(error)}); {_RECIPE}") from None


def _check_size(path: Path, archive: Any, key: str) -> None:
    """Refuse what unpacks to more than this computer's memory, before a byte of it is unpacked."""
    size = archive.zip.getinfo(f"{key}.npy").file_size
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise DatasetError(
            f"{path}: {key} unpacks to {size:,} bytes, this computer has {memory:,} bytes of memory; write fewer images"
        )


def _reason(error: Exception) -> str:
    """What struck, as a sentence can hold it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"


def _keys(path: Path, found: set[str]) -> tuple[str, ...]:
    """The keys to read, after checking that what must be there is there."""
    wanted = (*REQUIRED, *OPTIONAL) if found.intersection(OPTIONAL) else REQUIRED
    for key in wanted:
        if key in found:
            continue
        if key in REQUIRED:
            rule = "images and labels are required"
        else:
            rule = "test_images and test_labels come together or not at all"
        raise DatasetError(
            f"{path}: key {key!r} is missing, the file holds {', '.join(sorted(found)) or 'nothing'}; {rule}, "
            "add it with numpy.savez"
        )
    return (*wanted, NAMES) if NAMES in found else wanted


def _member(path: Path, archive: Any, key: str) -> Array:
    try:
        _check_size(path, archive, key)
        array = archive[key]
    except DatasetError:
        raise
    except Exception as error:  # also zlib.error, TypeError, and tokenize's own of a header that does not close
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{path}: {key} is an array of Python objects, only plain integers are read because "
                f"objects can run code; convert it with {key}.astype and save it again"
            ) from None
        raise DatasetError(f"{path}: {key} is damaged ({_reason(error)}); write the file again") from None
    if not isinstance(array, np.ndarray):
        raise DatasetError(f"{path}: {key} is not a numpy array; {_RECIPE}")
    return array
