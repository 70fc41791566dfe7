"""Digits in noise, to be found place by place: label maps made from MNIST, as an npz data set.

    python examples/segment_digits.py scenes.npz --data-dir DIR
    rebnet train --network "28x28x1 - C32:3x3+same - ... - C11:1x1" --dataset npz:scenes.npz --levels 2 --output run

A scene is a digit moved by up to 4 pixels, darkened, on noise that is nearly as bright. Its label map says of each
place which digit stands there, or `ground`; the faint rim of a digit is not judged. The guide "Answers on a map" goes
on.
"""

import argparse
from pathlib import Path

import numpy as np

from rebnet import datasets
from rebnet.datasets.dataset import VOID

GROUND = 10
"""Number of the class of places without a digit; the digits have their own."""
MOST = 4
"""Pixels that a digit is moved by at most."""


def scenes(digits: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 N×28×28×1, and label maps, int8 N×28×28, of digits N×28×28×1 and what they are."""
    rng = np.random.default_rng(seed)
    images, maps = np.empty_like(digits), np.empty(digits.shape[:3], dtype=np.int8)
    for place, (digit, label) in enumerate(zip(digits[..., 0], labels, strict=True)):
        moved = np.roll(digit, rng.integers(-MOST, MOST + 1, 2), axis=(0, 1)).astype(np.float64)
        noise = rng.integers(0, 128, moved.shape)
        images[place, ..., 0] = np.maximum(0.7 * moved, noise)
        maps[place] = np.select([moved >= 128, moved > 0], [label, VOID], GROUND)
    return images, maps


def main() -> None:
    """Write the data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the .npz file to write")
    parser.add_argument("--data-dir", type=Path, help="folder that already holds MNIST; downloaded if not given")
    parser.add_argument("--images", type=int, default=20_000, help="scenes to train on; a tenth of it to test")
    given = parser.parse_args()
    mnist = datasets.load("mnist", given.data_dir)
    count, tested = given.images, given.images // 10
    images, maps = scenes(mnist.train_images[:count], mnist.train_labels[:count], 0)
    test_images, test_maps = scenes(mnist.test_images[:tested], mnist.test_labels[:tested], 1)
    names = np.array([*map(str, range(10)), "ground"])
    arrays = {"images": images, "labels": maps, "test_images": test_images, "test_labels": test_maps}
    np.savez_compressed(given.output, **arrays, class_names=names)


if __name__ == "__main__":
    main()
