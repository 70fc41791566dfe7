"""Images on a device and images in a file give the same batches."""

import numpy as np
import pytest
import torch

from rebnet.train import images
from rebnet.train.images import Images, MappedImages, first_pixels, place


@pytest.fixture
def arrays(tmp_path):
    """40 images in a file, mapped and read-only, and their labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 2)).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    return np.load(tmp_path / "pixels.npy", mmap_mode="r"), np.arange(40)


@pytest.mark.parametrize("rows", [None, torch.tensor([7, 3, 39, 0, 12])])
def test_both_give_the_same(arrays, monkeypatch, rows):
    held = place(*arrays, rows)
    monkeypatch.setattr(images, "HELD_BYTES", 0)
    mapped = place(*arrays, rows)
    assert (type(held), type(mapped)) == (Images, MappedImages)
    assert mapped.pixels is arrays[0]
    assert len(held) == len(mapped) == (40 if rows is None else 5)
    order = torch.tensor([4, 0, 1, 3, 2])
    ours, theirs = (list(source.walk(order, 2)) for source in (held, mapped))
    assert [len(batch) for batch in ours] == [len(batch) for batch in theirs] == [2, 2, 1]
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.labels, other.labels)
    named = order if rows is None else rows[order]
    assert torch.cat([batch.labels for batch in ours]).tolist() == named.tolist()
    assert np.array_equal(torch.cat([batch.pixels for batch in ours]), arrays[0][named.numpy()])


def test_a_file_is_read_a_batch_at_a_time(arrays):
    class Counting:
        def __init__(self):
            self.read = []

        def __getitem__(self, rows):
            self.read.append(len(rows))
            return np.array(arrays[0][rows])

    pixels = Counting()
    walk = MappedImages(pixels, np.arange(40), torch.arange(40)).walk(torch.arange(40), 8)
    next(walk)
    assert len(pixels.read) <= 2
    assert len(list(walk)) == 4
    assert pixels.read == [8] * 5


def test_first_pixels(arrays):
    held = place(*arrays, torch.tensor([7, 3, 39]))
    assert torch.equal(first_pixels(held, 2), held.pixels[:2])
    assert torch.equal(first_pixels(held, 9), held.pixels)
