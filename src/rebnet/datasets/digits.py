"""The embedded data set: 1,797 handwritten digits of 8×8 pixels, no download, no extra.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0. These are the images that
scikit-learn's `load_digits` returns (the test part of the UCI set, written by 13 people), values and
order unchanged; `digits.npz` beside this file holds them as `images` uint8 1797×8×8 with values 0 to 16
and `labels` uint8 1797. A test holds both against scikit-learn.
"""

from importlib import resources

import numpy as np

from rebnet.datasets.class_names import PUBLISHED
from rebnet.datasets.dataset import Dataset
from rebnet.datasets.split import fixed_order

TEST_IMAGES = 360
"""Images held out for the test, a fifth of all."""


def load() -> Dataset:
    """Load the embedded digits.

    Values 0 to 16 become pixels min(255, 16·value). Nobody published a split, so this project fixes
    one: `fixed_order(1797)`, not stratified; its first 1,437 indices are the training part and its
    last 360 the test part. A writer's digits are in both parts, so the test accuracy says nothing
    about unknown writers.

    Returns:
        10 classes, images uint8 1437×8×8×1 and 360×8×8×1.
    """
    with resources.files("rebnet.datasets").joinpath("digits.npz").open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        values, labels = archive["images"], archive["labels"]
    order = fixed_order(len(values))
    images = np.minimum(16 * values.astype(np.uint16), 255).astype(np.uint8)[order, :, :, None]
    labels = labels.astype(np.int64)[order]
    return Dataset(
        name="digits",
        classes=10,
        train_images=images[:-TEST_IMAGES],
        train_labels=labels[:-TEST_IMAGES],
        test_images=images[-TEST_IMAGES:],
        test_labels=labels[-TEST_IMAGES:],
        class_names=PUBLISHED["digits"],
    )
