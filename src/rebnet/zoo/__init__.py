"""Trained networks that ship with rebnet: exported networks with packed weights, and how each was trained.

A network is named by data set, architecture and levels, `mnist-arch-1-m2`; the command line writes
`zoo:mnist-arch-1-m2`; one of "any" levels has numbers of its own for each of 1 to 3. Each folder holds
network.json and tensors.safetensors (see `rebnet.ir.storage`), the training.json of its training and the
evaluation.json of the integer network on all test images. `tools/add_to_zoo.py` makes one from a run.
"""

from importlib.resources import files
from pathlib import Path

from rebnet.errors import OptionError

PREFIX = "zoo:"
NAMES = (
    "mnist-arch-1-m1",
    "mnist-arch-1-m2",
    "mnist-arch-1-m3",
    "mnist-arch-1-any",
    "cifar10-arch-2-m1",
    "cifar10-arch-2-m2",
    "cifar10-arch-2-m3",
    "cifar10-arch-2-any",
    "cifar10-resnet-20-m1",
    "cifar10-resnet-20-m2",
    "cifar10-resnet-20-m3",
)

OF_THE_PAPER = tuple(name for name in NAMES if "-arch-" in name)
"""Those whose networks are the paper's, with its foldings in their texts."""


def folder(name: str) -> Path:
    """The folder of the network `name`, with or without the prefix `zoo:`.

    Raises:
        OptionError: there is no such network; lists those that there are.
    """
    plain = name.removeprefix(PREFIX)
    if plain not in NAMES:
        legal = ", ".join(PREFIX + known for known in NAMES)
        raise OptionError(f"network {name!r} is not in the zoo; use {legal}")
    return Path(str(files("rebnet.zoo") / plain))
