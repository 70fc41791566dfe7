"""The rules of a Dataset, and the names that `load` knows."""

import dataclasses
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rebnet import datasets
from rebnet.datasets import Dataset
from rebnet.datasets.dataset import accuracy
from rebnet.datasets.split import fixed_order
from rebnet.errors import DatasetError


def fields(**changes: Any) -> dict[str, Any]:
    good = {
        "name": "toy",
        "classes": 3,
        "train_images": np.zeros((4, 5, 6, 2), np.uint8),
        "train_labels": np.array([0, 1, 2, 1]),
        "test_images": np.zeros((2, 5, 6, 2), np.uint8),
        "test_labels": np.array([2, 0]),
    }
    return good | changes


def test_good_dataset() -> None:
    dataset = Dataset(**fields())
    assert dataset.image_shape == (5, 6, 2)
    assert repr(dataset) == "Dataset('toy', 3 classes, 5×6×2, 4 training and 2 test images)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.classes = 4  # type: ignore[misc]


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no classes": (
        {"classes": 0},
        "toy: classes is 0, it must be 1 to 65536; name the number of different labels",
    ),
    "float images": (
        {"train_images": np.zeros((4, 5, 6, 2))},
        "toy: train_images has dtype float64, images must be uint8; "
        "scale the pixels to 0 to 255 and convert them with train_images.astype('uint8')",
    ),
    "no channel axis": (
        {"test_images": np.zeros((2, 5, 6), np.uint8)},
        "toy: test_images has shape (2, 5, 6), images must be N×H×W×C; "
        "add the channel axis with test_images[..., None]",
    ),
    "flat images": (
        {"train_images": np.zeros((4, 60), np.uint8)},
        "toy: train_images has shape (4, 60), images must be N×H×W×C; reshape them to these four axes",
    ),
    "no images": (
        {"test_images": np.zeros((0, 5, 6, 2), np.uint8)},
        "toy: test_images has shape (0, 5, 6, 2), each of N×H×W×C must be at least 1; give it at least one image",
    ),
    "other size": (
        {"test_images": np.zeros((2, 6, 5, 2), np.uint8)},
        "toy: test_images are 6×5×2 and train_images are 5×6×2, height, width and channels must be equal; "
        "bring them to one size",
    ),
    "float labels": (
        {"train_labels": np.array([0.0, 1.0, 2.0, 1.0])},
        "toy: train_labels has dtype float64, labels must be integers; "
        "number the classes from 0 and convert them with train_labels.astype('int64')",
    ),
    "narrow labels": (
        {"train_labels": np.array([0, 1, 2, 1], np.uint8)},
        "toy: train_labels has dtype uint8, a Dataset holds int64; convert it with train_labels.astype('int64')",
    ),
    "two axes of labels": (
        {"test_labels": np.zeros((2, 1), np.int64)},
        "toy: test_labels has shape (2, 1), labels must have one axis, or be label maps, "
        "N×H×W; give one class number an image, or one for each place",
    ),
    "too few labels": (
        {"test_labels": np.array([0])},
        "toy: test_labels holds 1 labels for 2 test_images, the counts must be equal; give one label an image",
    ),
    "label too large": (
        {"train_labels": np.array([0, 1, 3, 1])},
        "toy: train_labels[2] is 3, labels must be 0 to 2; number the classes from 0",
    ),
    "a label map below what is not judged": (
        {"train_labels": np.full((4, 5, 6), -2), "test_labels": np.zeros((2, 5, 6), np.int64)},
        "toy: train_labels[0, 0, 0] is -2, labels must be 0 to 2, or -1 at a place that is not judged; "
        "number the classes from 0",
    ),
    "empty label maps": (
        {"train_labels": np.zeros((4, 0, 6), np.int64), "test_labels": np.zeros((2, 0, 6), np.int64)},
        "toy: train_labels has shape (4, 0, 6), labels must have one axis, or be label maps, N×H×W; give one class "
        "number an image, or one for each place",
    ),
    "label maps of two sizes": (
        {"train_labels": np.zeros((4, 5, 6), np.int64), "test_labels": np.zeros((2, 5, 3), np.int64)},
        "toy: train_labels are maps of 5×6 and test_labels maps of 5×3; bring them to one size",
    ),
    "label maps and labels": (
        {"train_labels": np.zeros((4, 5, 6), np.int64)},
        "toy: train_labels are maps of 5×6 and test_labels one an image; bring them to one size",
    ),
    "negative label": (
        {"test_labels": np.array([0, -1])},
        "toy: test_labels[1] is -1, labels must be 0 to 2; number the classes from 0",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case: str) -> None:
    changes, message = REFUSALS[case]
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        Dataset(**fields(**changes))


def test_label_maps() -> None:
    maps = np.arange(4 * 2 * 3).reshape(4, 2, 3) % 4 - 1
    dataset = Dataset(**fields(train_labels=maps, test_labels=maps[:2]))
    assert dataset.map_shape == (2, 3)
    assert "label maps of 2×3" in repr(dataset)
    assert dataset.test_sha256 != Dataset(**fields(train_labels=maps, test_labels=maps[1:3])).test_sha256
    assert Dataset(**fields()).map_shape == ()


def test_what_is_not_judged_counts_neither_way() -> None:
    assert accuracy(np.array([0, 1, 2]), np.array([0, 2, 2])) == 66.6667
    assert accuracy(np.array([[0, 1], [2, 0]]), np.array([[0, -1], [-1, 1]])) == 50
    assert accuracy(np.array([[1]]), np.array([[-1]])) == 0


def test_names() -> None:
    assert datasets.NAMES == ("digits", "mnist", "fashion-mnist", "cifar10", "svhn", "imagenet", "npz:FILE")


@pytest.mark.parametrize("name", ["MNIST", "", "npz", "digits ", "cifar-10"])
def test_unknown_name(name: str) -> None:
    message = f"data set {name!r} is unknown; use digits, mnist, fashion-mnist, cifar10, svhn, imagenet or npz:FILE"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load(name)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_fixed_order_is_a_permutation(count: int) -> None:
    np.testing.assert_array_equal(np.sort(fixed_order(count)), np.arange(count))


def test_fixed_order_is_pinned() -> None:
    """A change of this order would change every recorded accuracy."""
    assert fixed_order(10).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]


def test_base_install_is_enough_to_import() -> None:
    """Neither torch nor the downloader nor a reader is imported before it is needed."""
    code = (
        "import sys, rebnet.datasets as d; d.load('digits'); "
        "assert not {'torch', 'pooch', 'requests', 'sklearn', 'scipy', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
