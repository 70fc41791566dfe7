"""What classes are called: published names, texts in an npz file, folders of ImageNet."""

from dataclasses import replace

import numpy as np
import pytest

from rebnet import datasets
from rebnet.datasets.class_names import PUBLISHED
from rebnet.errors import DatasetError


def test_published_names():
    assert all(len(set(names)) == 10 for names in PUBLISHED.values())
    assert datasets.load("digits").class_names == tuple("0123456789")


def save(path, **arrays):
    images = np.zeros((10, 2, 2, 1), np.uint8)
    np.savez(path, images=images, labels=np.arange(10) % 2, **arrays)
    return f"npz:{path}"


def test_names_in_a_file_say_how_many_classes_there_are(tmp_path):
    assert datasets.load(save(tmp_path / "none.npz")).class_names == ()
    loaded = datasets.load(save(tmp_path / "own.npz", class_names=np.array(["a", "b", "never seen"])))
    assert (loaded.class_names, loaded.classes) == (("a", "b", "never seen"), 3)


@pytest.mark.parametrize("names", [np.arange(2), np.array([["a", "b"]]), np.array(["a", ""]), np.array([b"a", b"b"])])
def test_names_that_are_no_texts(tmp_path, names):
    with pytest.raises(DatasetError) as refusal:
        datasets.load(save(tmp_path / "own.npz", class_names=names))
    assert str(refusal.value) == (
        f"{tmp_path}/own.npz: class_names has dtype {names.dtype} and shape {names.shape}, it must hold a text for "
        "each class; write it as numpy.array(['cat', 'dog'])"
    )


def test_another_number_of_names():
    with pytest.raises(DatasetError, match=r"^digits: 1 class names for 10 classes; give one for each, or none$"):
        replace(datasets.load("digits"), class_names=("a",))


def test_fewer_names_than_labels(tmp_path):
    with pytest.raises(DatasetError, match="labels must be 0 to 0"):
        datasets.load(save(tmp_path / "own.npz", class_names=np.array(["a"])))
