from contextlib import contextmanager

import numpy as np
import pytest

from rebnet.datasets import Dataset
from rebnet.train import loop


def blobs(count, seed):
    """Three classes of 6x6 images: a bright row at a place of its own, under noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    images = random.integers(0, 120, (count, 6, 6, 1))
    images[np.arange(count), 2 * labels] += 120
    return images.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="session")
def blob_dataset():
    return Dataset("blobs", 3, *blobs(600, 0), *blobs(200, 1))


@pytest.fixture
def cut_after(monkeypatch):
    """A context in which every training is ended by Ctrl-C, behind the checkpoint of so many epochs."""

    @contextmanager
    def cut(epochs):
        real, left = loop.save_checkpoint, iter(range(epochs - 1))

        def save_and_stop(*arguments):
            real(*arguments)
            if next(left, None) is None:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", save_and_stop)
            with pytest.raises(KeyboardInterrupt):
                yield

    return cut
