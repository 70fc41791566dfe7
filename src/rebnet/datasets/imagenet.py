"""ImageNet, or any other pictures in its layout: one folder a class, brought to 224×224, colour.

    data_dir/imagenet/train/n01440764/n01440764_10026.JPEG
    data_dir/imagenet/val/n01440764/ILSVRC2012_val_00000293.JPEG

Source: O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV, 2015, arXiv:1409.0575;
https://image-net.org. It is given only to those who register, so nothing is downloaded. The published
validation pictures lie in one folder and are to be sorted into class folders, as for torchvision. `val` is
the test part: the labels of the challenge's own test pictures are not public.

Classes are the sorted names of the class folders. Files whose names do not end like pictures' are ignored,
and so are hidden ones.

All of ImageNet is 1.3 million pictures and, decoded, 193 GB and 7.5 GB: more than memory holds. So the pictures
are decoded once, by all cores, into files in the user's cache folder (`~/.cache/rebnet/imagenet` on Linux;
XDG_CACHE_HOME moves it), which the images of the `Dataset` are read-only views of; see `decoded`. Later loads only
list the folders, and batches are read from disk as they are used. Training sees the same central crop in
every epoch.
"""

import os
import stat
from functools import partial
from pathlib import Path

import numpy as np

from rebnet.datasets.dataset import Dataset, Images, Labels
from rebnet.datasets.decoded import Listing, decode_once
from rebnet.datasets.download import cache_folder
from rebnet.datasets.picture import SUFFIXES, check_reader, read_picture
from rebnet.errors import DatasetError, OptionError

NAME = "imagenet"
PARTS = ("train", "val")


def load(data_dir: Path | None, *, resize: int = 256, crop: int = 224, cache: Path | None = None) -> Dataset:
    """Load the pictures under `data_dir/imagenet`, decoding them first where that has not been done.

    Args:
        data_dir: folder that holds data sets.
        resize: pixels of a picture's shorter side before the crop.
        crop: pixels of both sides of the central part that is kept, 1 to `resize`.
        cache: folder for the decoded pictures; None takes the user's cache folder.

    Returns:
        As many classes as there are class folders; images uint8 N×crop×crop×3 (red, green, blue), read-only and
        mapped from files; in the order of class folder and then of file name.

    Raises:
        DatasetError: a folder is missing or empty, train and val hold other classes, or a picture is damaged.
        MissingExtraError: Pillow, or pooch, which knows the cache folder, is not installed.
        OptionError: `crop` or `resize` is out of range.
        OutputError: the cache cannot be written or is too small, or another process is decoding there.
    """
    if not 1 <= crop <= resize:
        raise OptionError(
            f"data set {NAME}: crop={crop} with resize={resize}, a crop must be 1 to resize; use resize=256, crop=224"
        )
    folder = _find(data_dir)
    check_reader(NAME)
    classes = _classes(folder)
    store = cache_folder(NAME, cache)
    arrays: list[tuple[Images, Labels]] = []
    for part in PARTS:
        listing, labels = _list(folder / part, classes)
        settings = f"{NAME} 1 resize={resize} crop={crop}"
        images = decode_once(NAME, store, listing, settings, crop, partial(read_picture, resize=resize, crop=crop))
        arrays.append((images, labels))
    (train_images, train_labels), (test_images, test_labels) = arrays
    return Dataset(NAME, len(classes), train_images, train_labels, test_images, test_labels, tuple(classes))


def _find(data_dir: Path | None) -> Path:
    way_out = f"put the pictures into DIR/{NAME}/train/CLASS/ and DIR/{NAME}/val/CLASS/ and name DIR with --data-dir"
    if data_dir is None:
        raise DatasetError(
            f"data set {NAME} is not downloaded, because it is given only to those who register; "
            f"get it from https://image-net.org, {way_out}"
        )
    folder = data_dir / NAME
    for part in PARTS:
        if not (folder / part).is_dir():
            raise DatasetError(f"{folder / part}: no such folder, {NAME} is read from train/ and val/; {way_out}")
    return folder


def _classes(folder: Path) -> list[str]:
    """The names of the class folders, which must be the same in both parts."""
    train, val = (set(_folders(folder / part)) for part in PARTS)
    for here, there, missing in (("val", "train", train - val), ("train", "val", val - train)):
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DatasetError(
                f"{folder / here}: class folder {min(missing)!r}{others} of {there}/ is missing, both parts must hold "
                f"the same classes; add it, or remove it from {there}/"
            )
    return sorted(train)


def _folders(path: Path) -> list[str]:
    names = [entry.name for entry in _entries(path) if entry.is_dir()]
    if not names:
        raise DatasetError(f"{path}: holds no class folders, pictures must lie in one folder a class; sort them so")
    return names


def _list(path: Path, classes: list[str]) -> tuple[Listing, Labels]:
    """All pictures of a part and their classes."""
    names: list[str] = []
    sizes: list[int] = []
    counts: list[int] = []
    for name in classes:
        files = [entry for entry in _entries(path / name) if entry.name.lower().endswith(SUFFIXES)]
        if not files:
            raise DatasetError(
                f"{path / name}: holds no pictures, whose names end in {', '.join(SUFFIXES)}; "
                "add some, or remove the class from train/ and val/"
            )
        names += [f"{name}/{entry.name}" for entry in files]
        sizes += [_size(entry) for entry in files]
        counts.append(len(files))
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts)
    return Listing(path.name, path, tuple(names), np.array(sizes, np.int64)), labels


def _entries(path: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, hidden entries aside, by name."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); change its permissions") from None


def _size(entry: os.DirEntry[str]) -> int:
    try:
        found = entry.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DatasetError(f"{entry.path}: is no file, pictures must be; remove it")
        return found.st_size
    except OSError as error:
        raise DatasetError(
            f"{entry.path}: cannot be read ({error.strerror}); replace it by the published file"
        ) from None
