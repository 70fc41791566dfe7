"""SVHN and ImageNet folders, made small: from the files through the data set's own recipe to an integer network."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat  # type: ignore[import-untyped]

from rebnet.datasets import Dataset, imagenet
from rebnet.datasets.svhn import SvhnFile, SvhnSource, load_source
from rebnet.engine import predictor, reference
from rebnet.export import export_run
from rebnet.lower import lower
from rebnet.train import RECIPES, train


def svhn(folder: Path) -> Dataset:
    """60 training, 20 extra and 10 test images in the published files."""
    random = np.random.default_rng(0)
    files = []
    (folder / "svhn").mkdir()
    for name, count in (("train_32x32.mat", 60), ("extra_32x32.mat", 20), ("test_32x32.mat", 10)):
        path = folder / "svhn" / name
        images = random.integers(0, 256, (32, 32, 3, count), np.uint8)
        savemat(path, {"X": images, "y": random.integers(1, 11, (count, 1)).astype(np.uint8)})
        files.append(SvhnFile(name, hashlib.md5(path.read_bytes()).hexdigest(), count, 10**6))
    return load_source(SvhnSource((), tuple(files[:2]), files[2]), folder)


def imagenet_folder(folder: Path) -> Dataset:
    """Three classes of 8 training pictures and 2 test pictures of different sizes."""
    random = np.random.default_rng(1)
    for part, count in (("train", 8), ("val", 2)):
        for name in ("n01", "n02", "n03"):
            (folder / "imagenet" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (40 + number, 50 - number, 3), np.uint8)
                Image.fromarray(pixels).save(folder / "imagenet" / part / name / f"{number}.JPEG", "JPEG")
    return imagenet.load(folder, resize=36, crop=32, cache=folder / "cache")


@pytest.mark.parametrize(("load", "name", "classes"), [(svhn, "svhn", 10), (imagenet_folder, "imagenet", 3)])
def test_from_files_to_an_integer_network(tmp_path: Path, load, name: str, classes: int) -> None:
    images = load(tmp_path)
    assert (images.name, images.classes) == (name, classes)
    run = tmp_path / "run"
    network = f"32x32x3 - C8:5x5/3 - MP2 - C6:3x3+same - D{classes}"
    record = train(network, images, 2, run, epochs=1, quiet=True)
    assert record["recipe"]["shift_pixels"] == RECIPES[name].shift_pixels
    assert record["recipe"]["flip"] == RECIPES[name].flip
    integer = lower(export_run(run))
    scores = predictor.run(integer, images.test_images)
    assert scores.shape == (len(images.test_labels), classes)
    assert np.array_equal(scores, reference.run(integer, images.test_images))
