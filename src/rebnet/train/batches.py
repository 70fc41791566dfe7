"""Which images are trained on, and in which order: all of it a function of the seed."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rebnet.datasets import Dataset
from rebnet.datasets.dataset import VOID
from rebnet.datasets.split import Draw, held_out, random_seed
from rebnet.errors import DatasetError, OptionError
from rebnet.ir.notation import Architecture
from rebnet.train.augment import move
from rebnet.train.devices import ALONE, Processes
from rebnet.train.images import Images, Source, place
from rebnet.train.recipe import Recipe


def generator(seed: int, purpose: Draw, epoch: int = 0) -> torch.Generator:
    """The random numbers for one purpose in one epoch."""
    return torch.Generator().manual_seed(random_seed(seed, purpose, epoch))


def check_fit(dataset: Dataset, architecture: Architecture, recipe: Recipe) -> None:
    """Raise `DatasetError` unless images, classes and label maps of `dataset` are those of the network and recipe."""
    image = "x".join(map(str, dataset.train_images.shape[1:]))
    wanted = f"{architecture.height}x{architecture.width}x{architecture.channels}"
    if image != wanted:
        raise DatasetError(
            f"data set {dataset.name}: images are {image}, the network takes {wanted}; "
            f"start the network text with {image} or use another data set"
        )
    if dataset.regression != (recipe.loss == "squared_error"):
        what, loss = ("targets", "squared_error") if dataset.regression else ("labels", "cross_entropy")
        raise DatasetError(
            f"data set {dataset.name}: holds {what}, and the recipe's loss is {recipe.loss}; use a recipe with "
            f"loss={loss!r}"
        )
    *places, outputs = architecture.answer.scores
    if tuple(places) != dataset.map_shape:
        has, gives = (f"a map of {'x'.join(map(str, each))}" if each else "one" for each in (dataset.map_shape, places))
        raise DatasetError(
            f"data set {dataset.name}: an image's labels are {has}, the network's answers {gives}; end the network "
            f"text with a {'convolution of that size' if dataset.map_shape else 'dense layer'}, or use another data set"
        )
    if places and recipe.shift_pixels and (dataset.regression or dataset.map_shape != dataset.train_images.shape[1:3]):
        raise DatasetError(
            f"data set {dataset.name}: label maps of {'x'.join(map(str, places))} cannot follow images of {image} that "
            f"the recipe moves by up to {recipe.shift_pixels} pixels; use a recipe with shift_pixels=0"
        )
    if dataset.classes != outputs:
        end = f"C{dataset.classes}:1x1" if places else f"D{dataset.classes}"
        kind = "values" if dataset.regression else "classes"
        raise DatasetError(
            f"data set {dataset.name}: {dataset.classes} {kind}, the network's last layer has "
            f"{outputs} outputs; end the network text with {end} or use another data set"
        )


def split(
    dataset: Dataset, validation_fraction: float, seed: int, device: torch.device | str = "cpu"
) -> tuple[Source, Source]:
    """Part the training images into those to train on and those to judge by; the test images stay away.

    Raises:
        DatasetError: Fewer than two images would be left to train on.
    """
    training, validation = (
        place(dataset.train_images, dataset.train_labels, torch.from_numpy(rows), device)
        for rows in held_out(dataset, validation_fraction, seed)
    )
    return training, validation


def steps_per_epoch(images: Source, batch_size: int) -> int:
    """Whole batches in the images; one smaller batch where there is no whole one."""
    return max(1, len(images) // batch_size)


def share_of_batch(images: Source, batch_size: int, processes: int) -> int:
    """Images of each batch that one process takes.

    Raises:
        OptionError: A batch cannot be parted equally.
    """
    size = min(batch_size, len(images))
    if size % processes:
        fitting = max(number for number in range(1, processes) if size % number == 0)
        raise OptionError(
            f"{processes} processes: a batch of {size} images cannot be parted equally among them; start a number of "
            f"processes that divides {size}, such as {fitting}"
        )
    return size // processes


def batches(images: Source, recipe: Recipe, seed: int, epoch: int, processes: Processes = ALONE) -> Iterator[Images]:
    """The shuffled and augmented batches of one epoch, all of one size; of each, the share of this process.

    All that is random is drawn for the whole epoch and all processes on the CPU, and goes to the device once: batches
    depend on seed and epoch, and neither on the device nor on the number of processes.
    """
    steps, share = (
        steps_per_epoch(images, recipe.batch_size),
        share_of_batch(images, recipe.batch_size, processes.count),
    )
    mine = slice(processes.rank * share, (processes.rank + 1) * share)
    size = share * processes.count

    def integers(purpose: Draw, end: int, *shape: int) -> Tensor:
        drawn = torch.randint(0, end, (steps, *shape, size), generator=generator(seed, purpose, epoch))
        return drawn[..., mine].to(images.labels.device)

    order = torch.randperm(len(images), generator=generator(seed, Draw.ORDER, epoch))
    order = order[: steps * size].view(steps, size)[:, mine].flatten()
    pixels = recipe.shift_pixels
    shifts = integers(Draw.SHIFT, 2 * pixels + 1, 2) if pixels else None
    mirrored = integers(Draw.FLIP, 2).bool() if recipe.flip else None
    for step, batch in enumerate(images.walk(order, share)):
        motion = None if shifts is None else shifts[step], None if mirrored is None else mirrored[step]
        yield Images(move(batch.pixels, pixels, *motion), _moved(batch.labels, pixels, *motion))


def _moved(labels: Tensor, pixels: int, shifts: Tensor | None, mirrored: Tensor | None) -> Tensor:
    """Labels or targets, those of maps moved as their images are."""
    if labels.ndim == 4:
        return move(labels, pixels, shifts, mirrored)
    return move(labels[..., None], pixels, shifts, mirrored, VOID)[..., 0] if labels.ndim == 3 else labels


def calibration_pixels(images: Source, recipe: Recipe, seed: int) -> Tensor:
    """At most the recipe's `calibration_images`, moved and mirrored as in training: the first of one more epoch.

    Weights have learned with the statistics of such images; those of images that are not moved are others.
    """
    parts: list[Tensor] = []
    for batch in batches(images, recipe, seed, recipe.epochs):
        parts.append(batch.pixels)
        if sum(map(len, parts)) >= recipe.calibration_images:
            break
    return torch.cat(parts)[: recipe.calibration_images]
