"""Augmentation of image batches, whole batches at a time."""

import torch
from torch import Tensor
from torch.nn import functional


def random_shift(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Move each image by its own whole number of pixels, -pixels to +pixels in both directions.

    What moves out is lost and what moves in is 0, as if cropped from an image with a border.

    Args:
        images: uint8, N x H x W x C.
        pixels: Largest shift; 0 returns the images as they are.
        generator: Source of the shifts.

    Returns:
        Shifted images in the shape of `images`.
    """
    if pixels == 0:
        return images
    count, height, width, _ = images.shape
    padded = functional.pad(images, (0, 0, pixels, pixels, pixels, pixels))
    offsets = torch.randint(0, 2 * pixels + 1, (2, count, 1), generator=generator)
    rows = offsets[0] + torch.arange(height)
    columns = offsets[1] + torch.arange(width)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right, or leave it, with equal chance.

    Args:
        images: uint8, N x H x W x C.
        generator: Source of the choices.

    Returns:
        Images in the shape of `images`.
    """
    chosen = torch.randint(0, 2, (len(images), 1, 1, 1), generator=generator).bool()
    return torch.where(chosen, images.flip(2), images)
