import re

import numpy as np
import pytest
import torch

from rebnet.datasets import Dataset
from rebnet.errors import DatasetError, OptionError
from rebnet.nn.networks import architecture
from rebnet.train.batches import (
    Draw,
    batches,
    calibration_pixels,
    check_fit,
    random_seed,
    share_of_batch,
    split,
    steps_per_epoch,
)
from rebnet.train.devices import Processes
from rebnet.train.images import Images
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


def test_an_epoch_draws_what_its_batches_would_one_by_one():
    images = Images(torch.randint(0, 256, (65, 6, 4, 1), dtype=torch.uint8), torch.arange(65))
    order, shifts, flips = (
        torch.Generator().manual_seed(random_seed(3, purpose, 2)) for purpose in (Draw.ORDER, Draw.SHIFT, Draw.FLIP)
    )
    chosen = torch.randperm(65, generator=order).split(20)
    recipe = Recipe(batch_size=20, shift_pixels=2, flip=True)
    for rows, batch in zip(chosen[:3], batches(images, recipe, 3, 2), strict=True):
        tops, lefts = torch.randint(0, 5, (2, 20, 1), generator=shifts).flatten(1).tolist()
        mirrored = torch.randint(0, 2, (20, 1, 1, 1), generator=flips).flatten().bool()
        padded = torch.nn.functional.pad(images.pixels[rows], (0, 0, 2, 2, 2, 2))
        moved = [image[top : top + 6, left : left + 4] for image, top, left in zip(padded, tops, lefts, strict=True)]
        moved = [image.flip(1) if flip else image for image, flip in zip(moved, mirrored, strict=True)]
        assert torch.equal(batch.pixels, torch.stack(moved))
        assert torch.equal(batch.labels, rows)


@pytest.mark.parametrize(("most", "images"), [(30, 30), (1000, 60)])
def test_calibration_sees_the_images_of_one_more_epoch(most, images):
    held = Images(torch.randint(0, 256, (65, 6, 4, 1), dtype=torch.uint8), torch.arange(65))
    recipe = Recipe(epochs=4, batch_size=20, shift_pixels=2, flip=True, calibration_images=most)
    drawn = torch.cat([batch.pixels for batch in batches(held, recipe, 3, epoch=4)])
    assert torch.equal(calibration_pixels(held, recipe, 3), drawn[:images])


@pytest.mark.parametrize("count", [2, 4])
def test_shares_of_processes_are_the_whole_batch(count):
    images = Images(torch.randint(0, 256, (65, 6, 4, 1), dtype=torch.uint8), torch.arange(65))
    recipe = Recipe(batch_size=20, shift_pixels=2, flip=True)
    device = torch.device("cpu")
    parts = zip(*(batches(images, recipe, 0, 1, Processes(device, rank, count)) for rank in range(count)), strict=True)
    for whole, shares in zip(batches(images, recipe, 0, 1), parts, strict=True):
        assert {len(share) for share in shares} == {20 // count}
        assert torch.equal(torch.cat([share.pixels for share in shares]), whole.pixels)
        assert torch.equal(torch.cat([share.labels for share in shares]), whole.labels)


def test_a_batch_is_parted_equally():
    assert [share_of_batch(numbered(60), 20, processes) for processes in (1, 4, 20)] == [20, 5, 1]
    with pytest.raises(OptionError) as caught:
        share_of_batch(numbered(60), 20, 8)
    assert str(caught.value) == (
        "8 processes: a batch of 20 images cannot be parted equally among them; start a number of processes that "
        "divides 20, such as 5"
    )
    with pytest.raises(OptionError, match="4 processes: a batch of 7 images"):
        share_of_batch(numbered(7), 20, 4)


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
    check_fit(blob_dataset, architecture("6x6x1 - D4 - D3"), Recipe())
    with pytest.raises(DatasetError) as caught:
        check_fit(blob_dataset, architecture("arch-1"), Recipe())
    assert str(caught.value) == (
        "data set blobs: images are 6x6x1, the network takes 28x28x1; "
        "start the network text with 6x6x1 or use another data set"
    )
    with pytest.raises(DatasetError) as caught:
        check_fit(blob_dataset, architecture("6x6x1 - D4 - D10"), Recipe())
    assert str(caught.value) == (
        "data set blobs: 3 classes, the network's last layer has 10 outputs; "
        "end the network text with D3 or use another data set"
    )


def mapped(*size):
    images, labels = np.zeros((4, 6, 6, 1), np.uint8), np.zeros((4, *size), np.int64)
    labels[0] = 2
    return Dataset("maps", 3, images, labels, images, labels)


def test_label_maps_fit_the_answer():
    check_fit(mapped(6, 6), architecture("6x6x1 - C4:3x3+same - C3:1x1"), Recipe(shift_pixels=1))
    check_fit(mapped(3, 3), architecture("6x6x1 - C4:3x3+same - C3:2x2/2"), Recipe(flip=True))
    for dataset, text, says in (
        (mapped(6, 6), "D3", "are a map of 6x6, the network's answers one; end the network text with a convolution of"),
        (mapped(6, 6), "C3:2x2/2", "are a map of 6x6, the network's answers a map of 3x3; end the network text with a"),
        (mapped(), "C3:1x1", "are one, the network's answers a map of 6x6; end the network text with a dense layer"),
        (mapped(6, 6), "C4:1x1", "3 classes, the network's last layer has 4 outputs; end the network text with C3:1x1"),
    ):
        with pytest.raises(DatasetError, match=re.escape(says)):
            check_fit(dataset, architecture(f"6x6x1 - {text}"), Recipe())
    with pytest.raises(DatasetError, match="label maps of 3x3 cannot follow images of 6x6x1 that the recipe moves by"):
        check_fit(mapped(3, 3), architecture("6x6x1 - C3:2x2/2"), Recipe(shift_pixels=1))


def test_label_maps_move_with_their_images():
    pixels = torch.randint(1, 256, (40, 5, 7, 1), dtype=torch.uint8)
    images = Images(pixels, pixels[..., 0].long())
    for batch in batches(images, Recipe(batch_size=20, shift_pixels=2, flip=True), 0, 0):
        moved = batch.pixels[..., 0].long()
        assert torch.equal(batch.labels, torch.where(moved == 0, -1, moved))
        assert (batch.labels == -1).any()
