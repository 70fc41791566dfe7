"""Arrays of your own: `npz:FILE`, a file that `numpy.savez` or `numpy.savez_compressed` wrote.

    images        uint8, N×H×W×C; signals are N×W×C, images of height 1 (gray images keep an axis of 1 channel)
    labels        integers, N, classes numbered from 0; or label maps, N×H×W (N×W of signals), -1 where none is judged
    test_images   uint8, the same   optional, together with test_labels
    test_labels   integers, the same
    class_names   texts, one a class   optional; without them there are as many classes as labels

In the place of labels, a regression has

    targets       numbers, N or N×K; or on a map N×H×W×K (N×W×K of signals)
    test_targets  the same

and `class_names` are what the K values are called.

Without the test arrays a fifth of the images (rounded down, at least one) becomes the test part: the
last indices of `fixed_order(N)`, the same ones on every machine. Other arrays in the file are ignored.
"""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from rebnet.datasets.dataset import Dataset, check_images, check_labels, check_same_shape, check_targets
from rebnet.datasets.split import fixed_order
from rebnet.errors import DatasetError
from rebnet.files import Array
from rebnet.paths import path_of

PREFIX = "npz:"

REQUIRED = ("images", "labels")
OPTIONAL = ("test_images", "test_labels")
NAMES = "class_names"
TARGETS = {"labels": "targets", "test_labels": "test_targets"}
"""What stands in the place of labels."""

_RECIPE = "write it with numpy.savez(FILE, images=..., labels=...)"


def load(path: Path) -> Dataset:
    """Load the data set in the .npz file `path`; a leading ~ is the home folder.

    Returns:
        As many classes as there are names for them, else as the largest label of both parts plus one; of targets, K.

    Raises:
        DatasetError: the file is missing or damaged, or one of its arrays breaks a rule above.
        OptionError: no system takes such a path.
    """
    arrays = _read(path_of(path))
    where = str(path)
    regression = TARGETS["labels"] in arrays
    for images_key, labels_key in (REQUIRED, OPTIONAL):
        if images_key not in arrays:
            continue
        signals = arrays[images_key].ndim == 3
        images = arrays[images_key] = _on_rows(arrays[images_key], signals)
        check_images(where, images_key, images)
        if regression:
            arrays[labels_key] = _targets(where, TARGETS[labels_key], arrays, images_key, signals)
        else:
            arrays[labels_key] = _on_rows(arrays[labels_key], signals and arrays[labels_key].ndim == 2)
            check_labels(where, labels_key, arrays[labels_key], images_key, len(images))
    if OPTIONAL[0] not in arrays:
        _split(where, arrays)
    check_same_shape(where, ("images", arrays["images"]), ("test_images", arrays["test_images"]))
    labels, test_labels = (arrays[key].astype(np.float64 if regression else np.int64) for key in TARGETS)
    names = _class_names(where, arrays.get(NAMES))
    classes = labels.shape[-1] if regression else len(names) or int(max(labels.max(), test_labels.max())) + 1
    return Dataset(
        name=f"{PREFIX}{path}",
        classes=classes,
        train_images=arrays["images"],
        train_labels=labels,
        test_images=arrays["test_images"],
        test_labels=test_labels,
        class_names=names,
    )


def _targets(where: str, key: str, arrays: dict[str, Array], images_key: str, signals: bool) -> Array:
    """Targets as a data set has them, float64 N×K or N×H×W×K."""
    targets = arrays[key]
    if targets.dtype.kind not in "iuf":
        raise DatasetError(f"{where}: {key} has dtype {targets.dtype}, targets must be numbers; write floats")
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite, and is refused as such
        targets = targets.astype(np.float64)
    if targets.ndim == 3 and not signals:
        raise DatasetError(
            f"{where}: {key} has shape {targets.shape}, targets on a map are N×H×W×K; add the axis of the K values "
            f"with {key}[..., None]"
        )
    if targets.ndim in (1, 3):  # one value an image, and values along signals
        targets = targets[:, None]
    values = targets.shape[-1] if targets.ndim else 0
    check_targets(where, key, targets, images_key, len(arrays[images_key]), values=values)
    return targets


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
    targets = found.intersection(TARGETS.values())
    if targets and found.intersection(TARGETS):
        raise DatasetError(f"{path}: holds labels and targets; keep the ones that are to be learned")
    required, optional = (
        tuple(TARGETS.get(key, key) if targets else key for key in keys) for keys in (REQUIRED, OPTIONAL)
    )
    wanted = (*required, *optional) if found.intersection(optional) else required
    for key in wanted:
        if key in found:
            continue
        if key in required:
            rule = f"images and {required[1]} are required"
        else:
            rule = f"{optional[0]} and {optional[1]} come together or not at all"
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
