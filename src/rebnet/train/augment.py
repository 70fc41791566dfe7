"""Augmentation of whole batches, where the images are; what is random comes from outside."""

import torch
from torch import Tensor
from torch.nn import functional


def move(images: Tensor, pixels: int, shifts: Tensor | None, mirrored: Tensor | None, behind: int = 0) -> Tensor:
    """Move each image by its own whole number of pixels, then mirror it left to right where chosen.

    A signal, of height 1, moves along itself alone. What moves out is lost and what moves in is `behind`, as if
    cropped from an image with a border of `pixels`.

    Args:
        images: uint8, N x H x W x C; or label maps, int64.
        pixels: Largest shift.
        shifts: int64, 2 x N, top row and left column of the crops, 0 to 2*pixels; None moves no image.
        mirrored: bool, N; None mirrors no image.
        behind: What lies beyond the borders.

    Returns:
        Images in the shape of `images`.
    """
    if shifts is None and mirrored is None:
        return images
    count, height, width, _ = images.shape
    rows = torch.arange(height, device=images.device).expand(count, height)
    columns = torch.arange(width, device=images.device).expand(count, width)
    if mirrored is not None:
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    if shifts is not None:
        images = functional.pad(images, (0, 0, pixels, pixels, pixels, pixels), value=behind)
        still = torch.full_like(shifts[0], pixels)
        down, right = shifts[0] if height > 1 else still, shifts[1] if width > 1 else still
        rows, columns = rows + down[:, None], columns + right[:, None]
    each = torch.arange(count, device=images.device)
    return images[each[:, None, None], rows[:, :, None], columns[:, None, :]]
