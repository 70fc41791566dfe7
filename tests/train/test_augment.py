import torch

from rebnet.train.augment import move


def draw(pixels, count):
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 2 * pixels + 1, (2, count), generator=generator)


def test_each_image_is_moved_as_a_whole():
    images = torch.zeros(200, 7, 9, 2, dtype=torch.uint8)
    images[:, 3, 4] = torch.tensor([7, 9], dtype=torch.uint8)
    shifts = draw(2, 200)
    shifted = move(images, 2, shifts, None)
    assert shifted.shape == images.shape
    assert shifted.dtype == torch.uint8
    places = shifted[..., 0].flatten(1).argmax(1)
    assert (shifted.flatten(1).long().sum(1) == 16).all()
    assert torch.equal(places // 9, 5 - shifts[0])
    assert torch.equal(places % 9, 6 - shifts[1])


def test_a_signal_moves_along_itself():
    signals = torch.randint(1, 256, (40, 1, 9, 2), dtype=torch.uint8)
    shifts = draw(3, 40)
    moved = move(signals, 3, shifts, None)
    for one, before, step in zip(moved, signals, shifts[1].tolist(), strict=True):
        padded = torch.nn.functional.pad(before, (0, 0, 3, 3))
        assert torch.equal(one, padded[:, step : step + 9])


def test_what_moves_in_is_zero():
    shifted = move(torch.full((50, 4, 4, 1), 255, dtype=torch.uint8), 1, draw(1, 50), None)
    assert {int(image.sum()) // 255 for image in shifted.long()} == {9, 12, 16}


def test_nothing_to_do_is_the_same_tensor():
    images = torch.ones(2, 3, 3, 1, dtype=torch.uint8)
    assert move(images, 0, None, None) is images


def test_the_chosen_are_mirrored():
    images = torch.arange(12, dtype=torch.uint8).reshape(1, 2, 3, 2).repeat(3, 1, 1, 1)
    moved = move(images, 0, None, torch.tensor([False, True, False]))
    assert torch.equal(moved[[0, 2]], images[[0, 2]])
    assert torch.equal(moved[1], images[1].flip(1))


def test_label_maps_go_with_their_images():
    images = torch.randint(1, 256, (20, 5, 6, 1), dtype=torch.uint8)
    shifts, mirrored = draw(2, 20), torch.rand(20) < 0.5
    moved = move(images, 2, shifts, mirrored)
    labels = move(images.long(), 2, shifts, mirrored, behind=-1)
    assert torch.equal(labels, torch.where(moved == 0, -1, moved.long()))


def test_mirrored_after_the_shift():
    images = torch.randint(0, 256, (20, 5, 6, 2), dtype=torch.uint8)
    shifts = draw(2, 20)
    both = move(images, 2, shifts, torch.ones(20, dtype=torch.bool))
    assert torch.equal(both, move(images, 2, shifts, None).flip(2))
