import torch

from rebnet.train.augment import random_flip, random_shift


def generator():
    return torch.Generator().manual_seed(5)


def test_each_image_is_moved_as_a_whole():
    images = torch.zeros(200, 7, 9, 2, dtype=torch.uint8)
    images[:, 3, 4] = torch.tensor([7, 9], dtype=torch.uint8)
    shifted = random_shift(images, 2, generator())
    assert shifted.shape == images.shape
    assert shifted.dtype == torch.uint8
    places = shifted[..., 0].flatten(1).argmax(1)
    assert (shifted.flatten(1).long().sum(1) == 16).all()
    assert set((places // 9).tolist()) == {1, 2, 3, 4, 5}
    assert set((places % 9).tolist()) == {2, 3, 4, 5, 6}


def test_what_moves_in_is_zero():
    shifted = random_shift(torch.full((50, 4, 4, 1), 255, dtype=torch.uint8), 1, generator())
    assert {int(image.sum()) // 255 for image in shifted.long()} == {9, 12, 16}


def test_no_shift_is_the_same_tensor():
    images = torch.ones(2, 3, 3, 1, dtype=torch.uint8)
    assert random_shift(images, 0, generator()) is images


def test_the_generator_decides():
    images = torch.randint(0, 256, (20, 5, 5, 1), dtype=torch.uint8)
    assert torch.equal(random_shift(images, 2, generator()), random_shift(images, 2, generator()))


def test_half_of_the_images_are_mirrored():
    images = torch.arange(12, dtype=torch.uint8).reshape(1, 2, 3, 2).repeat(400, 1, 1, 1)
    flipped = random_flip(images, generator())
    mirrored = (flipped == images.flip(2)).flatten(1).all(1)
    assert torch.equal(flipped[~mirrored], images[~mirrored])
    assert 150 < mirrored.sum() < 250
    assert flipped.dtype == torch.uint8
