"""The embedded digits."""

from importlib import resources

import numpy as np
import sklearn.datasets  # type: ignore[import-untyped]

from rebnet import datasets
from rebnet.datasets.split import fixed_order


def test_file_equals_scikit_learn() -> None:
    source = sklearn.datasets.load_digits()
    file = resources.files("rebnet.datasets") / "digits.npz"
    with resources.as_file(file) as path, np.load(path, allow_pickle=False) as archive:
        assert path.stat().st_size < 60 * 1024
        np.testing.assert_array_equal(archive["images"], source.images)
        np.testing.assert_array_equal(archive["labels"], source.target)


def test_pixels_and_split() -> None:
    source = sklearn.datasets.load_digits()
    digits = datasets.load("digits")
    order = fixed_order(1797)
    pixels = np.minimum(255, 16 * source.images[order]).astype(np.uint8)[..., None]
    assert digits.classes == 10
    np.testing.assert_array_equal(digits.train_images, pixels[:1437])
    np.testing.assert_array_equal(digits.test_images, pixels[1437:])
    np.testing.assert_array_equal(digits.train_labels, source.target[order][:1437])
    np.testing.assert_array_equal(digits.test_labels, source.target[order][1437:])


def test_split_is_pinned() -> None:
    digits = datasets.load("digits")
    assert np.bincount(digits.test_labels).tolist() == [38, 42, 41, 32, 45, 29, 35, 39, 27, 32]
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 255)


def test_arrays_belong_to_the_caller() -> None:
    first = datasets.load("digits")
    first.train_images[:] = 0
    assert datasets.load("digits").train_images.any()
