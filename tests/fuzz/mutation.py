"""What a mutation is, and the images that it is tried on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from rebnet import datasets
from rebnet.datasets import Dataset

Read = Callable[[], object]
IMAGES = 12


@dataclass(frozen=True)
class Mutation:
    """One damaged file, in a folder of its own, and what reads it."""

    name: str
    readers: tuple[tuple[str, Read], ...]


@cache
def small() -> Dataset:
    """A few of the digits."""
    digits = datasets.load("digits")
    return replace(
        digits, train_images=digits.train_images[:40], train_labels=digits.train_labels[:40],
        test_images=digits.test_images[:IMAGES], test_labels=digits.test_labels[:IMAGES],
    )  # fmt: skip
