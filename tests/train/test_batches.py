import numpy as np
import pytest
import torch

from rebnet.datasets import Dataset
from rebnet.errors import DatasetError
from rebnet.nn.networks import architecture
from rebnet.train.batches import Images, batches, check_fit, split, steps_per_epoch
from rebnet.train.recipe import Recipe


def numbered(count):
    return Images(torch.zeros(count, 2, 2, 1, dtype=torch.uint8), torch.arange(count))


def labels(parts):
    return torch.cat([part.labels for part in parts]).tolist()


def test_an_epoch_is_every_image_once():
    order = labels(batches(numbered(60), Recipe(batch_size=20), 0, 0))
    assert sorted(order) == list(range(60))
    assert order != sorted(order)


def test_order_is_a_function_of_seed_and_epoch():
    recipe = Recipe(batch_size=20, shift_pixels=1)
    first, again, later, other = (
        labels(batches(numbered(60), recipe, *key)) for key in [(0, 0), (0, 0), (0, 1), (1, 0)]
    )
    assert first == again
    assert first != later
    assert first != other


def test_flips_leave_order_and_shifts_alone():
    images = Images(torch.randint(0, 256, (60, 4, 4, 1), dtype=torch.uint8), torch.arange(60))
    plain, flipped = (
        list(batches(images, Recipe(batch_size=20, shift_pixels=1, flip=flip), 0, 0)) for flip in (False, True)
    )
    assert labels(plain) == labels(flipped)
    same = (plain[0].pixels == flipped[0].pixels).flatten(1).all(1)
    assert 0 < same.sum() < 20
    assert torch.equal(plain[0].pixels.flip(2)[~same], flipped[0].pixels[~same])


def test_batches_have_one_size():
    assert [len(batch) for batch in batches(numbered(65), Recipe(batch_size=20), 0, 0)] == [20, 20, 20]
    assert [len(batch) for batch in batches(numbered(7), Recipe(batch_size=20), 0, 0)] == [7]
    assert steps_per_epoch(numbered(7), 20) == 1


def test_split_is_disjoint_and_seeded(blob_dataset):
    training, validation = split(blob_dataset, 0.1, 0)
    assert (len(training), len(validation)) == (540, 60)
    rows = np.concatenate([training.pixels.numpy(), validation.pixels.numpy()]).reshape(600, -1)
    assert len(np.unique(rows, axis=0)) == 600
    assert torch.equal(split(blob_dataset, 0.1, 0)[1].pixels, validation.pixels)
    assert not torch.equal(split(blob_dataset, 0.1, 1)[1].pixels, validation.pixels)


def test_too_few_images():
    images, classes = np.zeros((2, 2, 2, 1), np.uint8), np.zeros(2, np.int64)
    dataset = Dataset("two", 2, images, classes, images, classes)
    with pytest.raises(DatasetError, match="data set two: 2 training images, of which 1 are held out"):
        split(dataset, 0.1, 0)


def test_fit_names_both_sides(blob_dataset):
    check_fit(blob_dataset, architecture("6x6x1 - D4 - D3"))
    with pytest.raises(DatasetError) as caught:
        check_fit(blob_dataset, architecture("arch-1"))
    assert str(caught.value) == (
        "data set blobs: images are 6x6x1, the network takes 28x28x1; "
        "start the network text with 6x6x1 or use another data set"
    )
    with pytest.raises(DatasetError) as caught:
        check_fit(blob_dataset, architecture("6x6x1 - D4 - D10"))
    assert str(caught.value) == (
        "data set blobs: 3 classes, the network's last layer has 10 outputs; "
        "end the network text with D3 or use another data set"
    )
