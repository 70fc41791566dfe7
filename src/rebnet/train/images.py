"""Where the images of a training lie: on the device, or in a file that no memory holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HELD_BYTES = 2**32
"""Images of a data set are copied to the device up to this size; larger ones are read a batch at a time."""


@dataclass(frozen=True, eq=False)
class Images:
    """uint8 images, N x H x W x C, and their answers, both on the device that computes.

    These are labels, int64, N or N x H x W, or targets, float32, N x K or N x H x W x K.
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def walk(self, order: Tensor, size: int) -> Iterator["Images"]:
        """The images `order` names, `size` at a time; the order goes to the device once, and nothing waits for it."""
        for rows in torch.split(order.to(self.labels.device), size):
            yield Images(self.pixels[rows], self.labels[rows])


@dataclass(frozen=True, eq=False)
class MappedImages:
    """Some of the images of an array that is mapped from a file.

    Attributes:
        pixels: All images of the file, uint8, N x H x W x C.
        rows: Which of them these are, int64.
        labels: Their labels, int64, on the device that computes.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def walk(self, order: Tensor, size: int) -> Iterator[Images]:
        """The images `order` names, `size` at a time; a thread reads one batch ahead."""
        device = self.labels.device
        parts = torch.split(order, size)
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(self._read, part) for part in parts[:1]]
            for index, rows in enumerate(torch.split(order.to(device), size)):
                pixels = coming.pop().result()
                coming += [reader.submit(self._read, part) for part in parts[index + 1 : index + 2]]
                yield Images(pixels.to(device, non_blocking=True), self.labels[rows])

    def _read(self, part: Tensor) -> Tensor:
        pixels = torch.from_numpy(self.pixels[self.rows[part.numpy()]])
        return pixels.pin_memory() if self.labels.device.type == "cuda" else pixels


Source = Images | MappedImages


def place(
    pixels: NDArray[np.uint8], labels: NDArray[Any], rows: Tensor | None, device: torch.device | str = "cpu"
) -> Source:
    """The images `rows` of a data set (None: all), on `device` where they are few, else read as they are used.

    Targets become float32.
    """
    labels = labels.astype(np.float32) if labels.dtype.kind == "f" else labels
    if pixels.nbytes > HELD_BYTES:
        chosen = np.arange(len(labels)) if rows is None else rows.numpy()
        return MappedImages(pixels, chosen, torch.from_numpy(labels[chosen]).to(device))
    if rows is not None:
        pixels, labels = pixels[rows.numpy()], labels[rows.numpy()]
    return Images(
        torch.from_numpy(np.require(pixels, requirements="W")).to(device), torch.from_numpy(labels).to(device)
    )


def first_pixels(images: Source, count: int) -> Tensor:
    """The first `count` images, or all where there are fewer, on their device."""
    count = min(count, len(images))
    return next(images.walk(torch.arange(count), count)).pixels
