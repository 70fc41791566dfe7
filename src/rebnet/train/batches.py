"""Which images are trained on, and in which order: all of it a function of the seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from rebnet.datasets import Dataset
from rebnet.errors import DatasetError
from rebnet.ir.notation import Architecture
from rebnet.train.augment import random_flip, random_shift
from rebnet.train.recipe import Recipe


class Draw(IntEnum):
    """What random numbers are for; every purpose has its own stream."""

    WEIGHTS = 0
    SPLIT = 1
    ORDER = 2
    SHIFT = 3
    FLIP = 4
    LEVELS = 5


@dataclass(frozen=True, eq=False)
class Images:
    """uint8 images, N x H x W x C, and their int64 labels, N."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def random_seed(seed: int, purpose: Draw, epoch: int = 0) -> int:
    """A 63-bit seed for one purpose in one epoch; the same arguments give the same seed everywhere."""
    return int(np.random.SeedSequence([seed, purpose, epoch]).generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, purpose: Draw, epoch: int = 0) -> torch.Generator:
    """The random numbers for one purpose in one epoch."""
    return torch.Generator().manual_seed(random_seed(seed, purpose, epoch))


def check_fit(dataset: Dataset, architecture: Architecture) -> None:
    """Raise `DatasetError` unless images and classes of `dataset` are those of the network."""
    image = "x".join(map(str, dataset.train_images.shape[1:]))
    wanted = f"{architecture.height}x{architecture.width}x{architecture.channels}"
    if image != wanted:
        raise DatasetError(
            f"data set {dataset.name}: images are {image}, the network takes {wanted}; "
            f"start the network text with {image} or use another data set"
        )
    if dataset.classes != architecture.classes:
        raise DatasetError(
            f"data set {dataset.name}: {dataset.classes} classes, the network's last layer has "
            f"{architecture.classes} outputs; end the network text with D{dataset.classes} or use another data set"
        )


def split(dataset: Dataset, validation_fraction: float, seed: int) -> tuple[Images, Images]:
    """Part the training images into those to train on and those to judge by; the test images stay away.

    Raises:
        DatasetError: Fewer than two images would be left to train on.
    """
    count = len(dataset.train_labels)
    held_out = max(1, round(count * validation_fraction))
    if count - held_out < 2:
        raise DatasetError(
            f"data set {dataset.name}: {count} training images, of which {held_out} are held out to judge by; "
            "BatchNorm needs at least 2 to train on, so give more images"
        )
    order = torch.randperm(count, generator=generator(seed, Draw.SPLIT))
    pixels, labels = torch.from_numpy(dataset.train_images), torch.from_numpy(dataset.train_labels)
    validation, training = order[:held_out], order[held_out:]
    return Images(pixels[training], labels[training]), Images(pixels[validation], labels[validation])


def steps_per_epoch(images: Images, batch_size: int) -> int:
    """Whole batches in the images; one smaller batch where there is no whole one."""
    return max(1, len(images) // batch_size)


def batches(images: Images, recipe: Recipe, seed: int, epoch: int) -> Iterator[Images]:
    """The shuffled and augmented batches of one epoch, all of one size."""
    order = torch.randperm(len(images), generator=generator(seed, Draw.ORDER, epoch))
    shifts = generator(seed, Draw.SHIFT, epoch)
    flips = generator(seed, Draw.FLIP, epoch)
    size = recipe.batch_size
    for step in range(steps_per_epoch(images, size)):
        chosen = order[step * size : (step + 1) * size]
        pixels = random_shift(images.pixels[chosen], recipe.shift_pixels, shifts)
        yield Images(random_flip(pixels, flips) if recipe.flip else pixels, images.labels[chosen])
