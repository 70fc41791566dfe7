"""Which images are trained on, and in which order: all of it a function of the seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rebnet.datasets import Dataset
from rebnet.datasets.split import Draw, held_out, random_seed
from rebnet.errors import DatasetError
from rebnet.ir.notation import Architecture
from rebnet.train.augment import random_flip, random_shift
from rebnet.train.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Images:
    """uint8 images, N x H x W x C, and their int64 labels, N."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def _generator(seed: int, purpose: Draw, epoch: int = 0) -> torch.Generator:
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
    training, validation = map(torch.from_numpy, held_out(dataset, validation_fraction, seed))
    pixels, labels = torch.from_numpy(dataset.train_images), torch.from_numpy(dataset.train_labels)
    return Images(pixels[training], labels[training]), Images(pixels[validation], labels[validation])


def steps_per_epoch(images: Images, batch_size: int) -> int:
    """Whole batches in the images; one smaller batch where there is no whole one."""
    return max(1, len(images) // batch_size)


def batches(images: Images, recipe: Recipe, seed: int, epoch: int) -> Iterator[Images]:
    """The shuffled and augmented batches of one epoch, all of one size."""
    order = torch.randperm(len(images), generator=_generator(seed, Draw.ORDER, epoch))
    shifts = _generator(seed, Draw.SHIFT, epoch)
    flips = _generator(seed, Draw.FLIP, epoch)
    size = recipe.batch_size
    for step in range(steps_per_epoch(images, size)):
        chosen = order[step * size : (step + 1) * size]
        pixels = random_shift(images.pixels[chosen], recipe.shift_pixels, shifts)
        yield Images(random_flip(pixels, flips) if recipe.flip else pixels, images.labels[chosen])
