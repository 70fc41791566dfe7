"""What every data set is once it is loaded, and the rules its arrays obey."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import DatasetError, OptionError
from rebnet.files import Array

Images = NDArray[np.uint8]
"""N×H×W×C, pixels 0 to 255."""

Labels = NDArray[np.int64]
"""N, class numbers from 0; or N×H×W, a number for each place of a map, `VOID` where a place is not judged."""

Targets = NDArray[np.float64]
"""N×K, the K values that are wanted of an image; or N×H×W×K, of each place of a map."""

Answers = NDArray[Any]
"""Labels, or targets."""

VOID = -1
"""Label of a place of a map that teaches nothing and is not judged."""

LARGEST_TARGET = 1e30
"""Training computes in float32, which squares of errors and what a unit is worth must stay within."""

MAX_CLASSES = 65_536
"""More classes than this are taken for a mistake in the labels, not for a data set."""


_HASHED = 512
"""Images that are hashed at once."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images, split into a training and a test part; checked on construction.

    The arrays are writable and belong to the caller: every load makes new ones. Only the images of
    `imagenet`, which no memory holds, are read-only views of files: index them a batch at a time.

    Attributes:
        name: the name it was loaded by, such as `mnist` or `npz:parts.npz`.
        classes: number of classes; every label is 0 to classes − 1. Of targets, the number K of values.
        train_images: uint8, N×H×W×C.
        train_labels: int64, N; or label maps, N×H×W, of which places may be `VOID`. Of a regression targets, float64,
            N×K or N×H×W×K.
        test_images: uint8, N×H×W×C, with the training images' H, W and C.
        test_labels: as the training labels.
        class_names: what the classes are called, in their order; empty where nobody says.

    Raises:
        DatasetError: an array has a wrong type or shape, counts differ, a label is out of range, or there is not one
            name for each class.
    """

    name: str
    classes: int
    train_images: Images
    train_labels: Answers
    test_images: Images
    test_labels: Answers
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= MAX_CLASSES:
            raise DatasetError(
                f"{self.name}: classes is {self.classes}, it must be 1 to {MAX_CLASSES}; "
                "name the number of different labels"
            )
        for part, images, labels in (
            ("train", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            check_images(self.name, f"{part}_images", images)
            if self.regression:
                check_targets(self.name, f"{part}_labels", labels, f"{part}_images", len(images), values=self.classes)
                continue
            check_labels(self.name, f"{part}_labels", labels, f"{part}_images", len(images), classes=self.classes)
            if labels.dtype != np.int64:
                raise DatasetError(
                    f"{self.name}: {part}_labels has dtype {labels.dtype}, a Dataset holds int64; "
                    f"convert it with {part}_labels.astype('int64')"
                )
        if self.class_names and len(self.class_names) != self.classes:
            raise DatasetError(
                f"{self.name}: {len(self.class_names)} class names for {self.classes} classes; give one for each, or "
                "none"
            )
        check_same_shape(self.name, ("train_images", self.train_images), ("test_images", self.test_images))
        if self.map_shape != self._maps_of(self.test_labels):
            raise DatasetError(
                f"{self.name}: train_labels are {_each(self.map_shape)} and test_labels "
                f"{_each(self._maps_of(self.test_labels))}; "
                "bring them to one size"
            )

    @property
    def regression(self) -> bool:
        """Whether values are wanted, where else classes are."""
        return self.train_labels.dtype == np.float64 and self.train_labels.ndim in (2, 4)

    @property
    def map_shape(self) -> tuple[int, ...]:
        """Height and width of the label maps; () where an image has one label, or one set of targets."""
        return self._maps_of(self.train_labels)

    def _maps_of(self, labels: Array) -> tuple[int, ...]:
        return labels.shape[1:-1] if self.regression else labels.shape[1:]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @property
    def test_sha256(self) -> str:
        """SHA-256 of the test images and their labels with their shapes: names what a figure was measured on."""
        digest = hashlib.sha256()
        for array in (self.test_images, self.test_labels):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            for start in range(0, len(array), _HASHED):  # the images of `imagenet` are in no memory
                digest.update(np.ascontiguousarray(array[start : start + _HASHED]).data)
        return digest.hexdigest()

    def test_count(self, images: int | None) -> int:
        """How many test images are meant; all if None.

        Raises:
            OptionError: there are fewer, or none is asked for.
        """
        available = len(self.test_images)
        if images is None:
            return available
        if not 1 <= images <= available:
            raise OptionError(f"images={images}: the data set has {available} test images; use 1 to {available} or all")
        return images

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        maps = f"label {_each(self.map_shape)}, " if self.map_shape else ""
        kind = "values" if self.regression else "classes"
        return (
            f"Dataset({self.name!r}, {self.classes} {kind}, {maps}{height}×{width}×{channels}, "
            f"{len(self.train_images)} training and {len(self.test_images)} test images)"
        )


def root_mean_square(values: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Root of the mean squared difference of all values from their targets, to six digits."""
    return float(f"{np.sqrt(np.mean((values - targets) ** 2)):.6g}")


def judged(answers: Answers, wanted: Answers) -> dict[str, Any]:
    """What records say of answers: `error` of targets; else `accuracy`, and of label maps how many `labels` count."""
    if wanted.dtype.kind == "f":
        return {"error": root_mean_square(answers, wanted)}
    return {"labels": judged_places(wanted), "accuracy": accuracy(answers, wanted)}


def judged_places(labels: Labels) -> int | None:
    """Places of label maps that are judged; None where an image has one label."""
    return int((labels != VOID).sum()) if labels.ndim > 1 else None


def accuracy(predictions: Labels, labels: Labels) -> float:
    """Percent of labels that are predicted, to four digits; of those that are not `VOID`, 0 where there is none."""
    judged = labels != VOID
    return round(100 * int((predictions == labels)[judged].sum()) / max(int(judged.sum()), 1), 4)


def check_images(where: str, key: str, images: Array) -> None:
    """Raise `DatasetError` unless `images` is uint8, N×H×W×C, with no empty axis.

    Args:
        where: file or data set that the message names.
        key: name of the array in it.
        images: the array.
    """
    if images.dtype != np.uint8:
        raise DatasetError(
            f"{where}: {key} has dtype {images.dtype}, images must be uint8; "
            f"scale the pixels to 0 to 255 and convert them with {key}.astype('uint8')"
        )
    if images.ndim == 3:
        raise DatasetError(
            f"{where}: {key} has shape {images.shape}, images must be N×H×W×C; "
            f"add the channel axis with {key}[..., None]"
        )
    if images.ndim != 4:
        raise DatasetError(
            f"{where}: {key} has shape {images.shape}, images must be N×H×W×C; reshape them to these four axes"
        )
    if 0 in images.shape:
        raise DatasetError(
            f"{where}: {key} has shape {images.shape}, each of N×H×W×C must be at least 1; give it at least one image"
        )


def check_labels(
    where: str, key: str, labels: Array, images_key: str, count: int, *, classes: int = MAX_CLASSES
) -> None:
    """Raise `DatasetError` unless `labels` holds `count` integers from 0 to classes − 1.

    Args:
        where: file or data set that the message names.
        key: name of the array in it.
        labels: the array, of any integer type, N or N×H×W.
        images_key: name of the images that the labels belong to.
        count: number of these images.
        classes: number of classes.
    """
    if labels.dtype.kind not in "iu":
        raise DatasetError(
            f"{where}: {key} has dtype {labels.dtype}, labels must be integers; "
            f"number the classes from 0 and convert them with {key}.astype('int64')"
        )
    if labels.ndim not in (1, 3) or 0 in labels.shape[1:]:
        raise DatasetError(
            f"{where}: {key} has shape {labels.shape}, labels must have one axis, or be label maps, N×H×W; give one "
            "class number an image, or one for each place"
        )
    if len(labels) != count:
        raise DatasetError(
            f"{where}: {key} holds {len(labels)} labels for {count} {images_key}, the counts must be equal; "
            "give one label an image"
        )
    least = 0 if labels.ndim == 1 else VOID
    wrong = np.argwhere((labels < least) | (labels >= classes))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        legal = f"0 to {classes - 1}" + (f", or {VOID} at a place that is not judged" if labels.ndim > 1 else "")
        raise DatasetError(
            f"{where}: {key}[{', '.join(map(str, place))}] is {labels[place]}, labels must be {legal}; "
            "number the classes from 0"
        )
    if labels.shape[1:] == (1, 1):
        raise DatasetError(
            f"{where}: {key} are maps of a single place, which is one label an image; write {key}.reshape(-1)"
        )
    if labels.size and labels.max() == VOID:
        raise DatasetError(f"{where}: {key} judge no place, all are {VOID}; label some of them")


def check_targets(where: str, key: str, targets: Array, images_key: str, count: int, *, values: int) -> None:
    """Raise `DatasetError` unless `targets` holds `values` numbers of each of `count` images or their places.

    Numbers are at most `LARGEST_TARGET`, to either side of 0.

    Args:
        where: file or data set that the message names.
        key: name of the array in it.
        targets: the array, float64.
        images_key: name of the images that they belong to.
        count: number of these images.
        values: K.
    """
    values = max(values, 1)
    if targets.dtype != np.float64 or targets.ndim not in (2, 4) or 0 in targets.shape or targets.shape[-1] != values:
        raise DatasetError(
            f"{where}: {key} is {targets.dtype} of shape {targets.shape}, targets must be float64 of shape N×{values}, "
            f"or N×H×W×{values} on a map"
        )
    if len(targets) != count:
        raise DatasetError(
            f"{where}: {key} holds {len(targets)} targets for {count} {images_key}, the counts must be equal; give "
            "each image its own"
        )
    if not np.isfinite(targets).all():
        place = ", ".join(map(str, np.argwhere(~np.isfinite(targets))[0].tolist()))
        raise DatasetError(f"{where}: {key}[{place}] is no finite number; leave such images out")
    most = np.abs(targets).max()
    if most > LARGEST_TARGET:
        raise DatasetError(
            f"{where}: {key} are as large as {most:.3g}, targets may be {LARGEST_TARGET:g} at most; choose a larger "
            "unit"
        )
    if targets.shape[1:-1] == (1, 1):
        raise DatasetError(
            f"{where}: {key} are maps of a single place, which is one set of values an image; write "
            f"{key}.reshape(-1, {values})"
        )


def check_same_shape(where: str, train: tuple[str, Images], test: tuple[str, Images]) -> None:
    """Raise `DatasetError` unless both (key, images) pairs have the same H×W×C."""
    (train_key, train_images), (test_key, test_images) = train, test
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DatasetError(
            f"{where}: {test_key} are {_times(test_images)} and {train_key} are {_times(train_images)}, "
            "height, width and channels must be equal; bring them to one size"
        )


def _each(maps: tuple[int, ...]) -> str:
    return f"maps of {'×'.join(map(str, maps))}" if maps else "one an image"


def _times(images: Array) -> str:
    return "×".join(str(size) for size in images.shape[1:])
