"""Held-out images: the order of torch without torch, and a split that every later reader finds again."""

import numpy as np
import pytest
import torch

from rebnet import datasets
from rebnet.datasets import Dataset
from rebnet.datasets.split import Draw, held_out, random_seed
from rebnet.errors import DatasetError
from rebnet.train.batches import split


def numbered(count: int) -> Dataset:
    images, labels = np.zeros((count, 1, 1, 1), np.uint8), np.zeros(count, np.int64)
    return Dataset("numbered", 2, images, labels, images, labels)


@pytest.mark.parametrize("count", [3, 10, 257, 5000])
@pytest.mark.parametrize("seed", [0, 1, 2**31 + 7])
def test_the_order_is_that_of_torch(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(random_seed(seed, Draw.SPLIT))
    order = torch.randperm(count, generator=generator).tolist()
    training, validation = held_out(numbered(count), 0.1, seed)
    assert [*validation.tolist(), *training.tolist()] == order
    assert len(validation) == max(1, round(count * 0.1))


def test_the_split_of_a_seed_is_pinned() -> None:
    training, validation = held_out(numbered(10), 0.3, 0)
    assert (validation.tolist(), training.tolist()) == ([1, 9, 4], [3, 8, 6, 2, 7, 0, 5])


def test_it_is_the_split_of_the_training() -> None:
    digits = datasets.load("digits")
    training, validation = held_out(digits, 0.1, 3)
    for part, chosen in zip(split(digits, 0.1, 3), (training, validation), strict=True):
        assert np.array_equal(part.pixels.numpy(), digits.train_images[chosen])
        assert np.array_equal(part.labels.numpy(), digits.train_labels[chosen])


def test_too_few_images() -> None:
    with pytest.raises(DatasetError) as refusal:
        held_out(numbered(2), 0.1, 0)
    assert str(refusal.value) == (
        "data set numbered: 2 training images, of which 1 are held out to judge by; BatchNorm needs at least 2 to "
        "train on, so give more images"
    )
