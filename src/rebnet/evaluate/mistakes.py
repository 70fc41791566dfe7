"""What the integer network gets wrong: accuracy class by class, what is taken for what, and some of the images."""

import hashlib
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.dataset import VOID, Dataset, Images, Labels
from rebnet.files import write_bytes
from rebnet.records.evaluation import Confusion, Mistakes, Pictures, Wrong

PICTURES_FILE = "evaluation.png"
MAX_CONFUSIONS = 1000
"""Pairs of classes that a record holds at most, the most frequent first; of up to 32 classes these are all."""
MAX_WRONG = 24
"""Wrong images that a record holds at most."""
_COLUMNS = 6
_SIDE = 64
"""Pixels of the longer side of a picture at most."""


def mistakes(dataset: Dataset, scores: NDArray[np.int64], predictions: NDArray[np.int64]) -> Mistakes:
    """The entries of evaluation.json about single classes and images.

    Args:
        dataset: its test images and labels.
        scores: integers, images × classes; on a map images × height × width × classes.
        predictions: class numbers, one an image, or one for each place of a map.

    Returns:
        `classes`; `class_names`, empty where the data set has none; `class_images` and `class_correct`, one count a
        class; `confusions`, pairs of classes with how many images of the one were taken for the other, by falling
        count; `confusions_left_out`, images of pairs beyond the 1,000; `wrong`, up to 24 images, those with the largest
        lead of the predicted class over the right one. Of label maps, places that are not `VOID` are counted in place
        of images, `class_iou` and `mean_iou` are there, and `wrong` is not.
    """
    classes = scores.shape[-1]
    if dataset.map_shape:
        judged = dataset.test_labels != VOID
        labels, predictions = dataset.test_labels[judged], predictions[judged]
        found = _counts(dataset, classes, labels, predictions)
        taken = np.bincount(predictions, minlength=classes)
        unions = np.asarray(found.class_images) + taken - found.class_correct
        shares = [
            round(100 * right / int(union), 4) if union else None
            for right, union in zip(found.class_correct, unions, strict=True)
        ]
        known = [share for share in shares if share is not None]
        return replace(found, class_iou=tuple(shares), mean_iou=round(sum(known) / max(len(known), 1), 4))
    labels = dataset.test_labels
    places = np.flatnonzero(predictions != labels)
    leads = scores[places, predictions[places]] - scores[places, labels[places]]
    worst = np.argsort(-leads, kind="stable")[:MAX_WRONG]
    wrong = tuple(
        Wrong(
            index=int(places[place]),
            label=int(labels[places[place]]),
            prediction=int(predictions[places[place]]),
            lead=int(leads[place]),
        )
        for place in worst
    )
    return replace(_counts(dataset, classes, labels, predictions), wrong=wrong)


def _counts(dataset: Dataset, classes: int, labels: Labels, predictions: Labels) -> Mistakes:
    """What is counted class by class, of one label and prediction each."""
    is_wrong = predictions != labels
    pairs, counts = np.unique(labels[is_wrong] * classes + predictions[is_wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = order[:MAX_CONFUSIONS]
    return Mistakes(
        classes=classes,
        class_names=_names(dataset, classes),
        class_images=tuple(np.bincount(labels, minlength=classes).tolist()),
        class_correct=tuple(np.bincount(labels[~is_wrong], minlength=classes).tolist()),
        confusions=tuple(
            Confusion(
                label=int(pairs[pair]) // classes, prediction=int(pairs[pair]) % classes, images=int(counts[pair])
            )
            for pair in kept
        ),
        confusions_left_out=int(counts[order[MAX_CONFUSIONS:]].sum()),
    )


def _names(dataset: Dataset, classes: int) -> tuple[str, ...]:
    """Names of all classes, where the data set has some; outputs that it has no class for keep their numbers."""
    names = tuple(dataset.class_names)
    return (*names, *(str(place) for place in range(len(names), classes))) if names else ()


def write_pictures(build: Path, images: Images, indices: list[int]) -> Pictures | None:
    """Write these images side by side into `evaluation.png`; return what evaluation.json says of it, None for none.

    Images keep their pixels up to 64 on the longer side and are averaged down beyond. Those of neither one channel nor
    three become grey.
    """
    path = build / PICTURES_FILE
    if not indices:
        path.unlink(missing_ok=True)
        return None
    tiles = np.stack([_picture(images[index]) for index in indices])
    count, height, width, channels = tiles.shape
    rows = math.ceil(count / _COLUMNS)
    sheet = np.full((rows * _COLUMNS, height, width, channels), 255, dtype=np.uint8)
    sheet[:count] = tiles
    sheet = sheet.reshape(rows, _COLUMNS, height, width, channels).transpose(0, 2, 1, 3, 4)
    data = png(sheet.reshape(rows * height, _COLUMNS * width, channels))
    write_bytes(path, data)
    digest = hashlib.sha256(data).hexdigest()
    return Pictures(file=PICTURES_FILE, sha256=digest, columns=_COLUMNS, width=width, height=height)


def _picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image, height × width × channels, as grey or RGB of at most 64 × 64 pixels."""
    height, width, channels = image.shape
    factor = math.ceil(max(height, width) / _SIDE)
    down, across = min(factor, height), min(factor, width)
    whole = np.asarray(image[: height // down * down, : width // across * across], dtype=np.float64)
    small = whole.reshape(height // down, down, width // across, across, channels).mean(axis=(1, 3))
    if channels not in (1, 3):
        small = small.mean(axis=2, keepdims=True)
    grey_or_rgb: NDArray[np.uint8] = np.round(small).astype(np.uint8)
    return grey_or_rgb


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of uint8 pixels, height × width × 1 (grey) or 3 (RGB)."""
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)  # each line begins with its filter, none
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
