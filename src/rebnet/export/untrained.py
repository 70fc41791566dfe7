"""A network that nobody trained, as an exported one: what its shape takes of hardware can be counted."""

import rebnet.nn  # isort: skip # noqa: F401 - first: it says in one sentence that torch is missing

from dataclasses import replace

import numpy as np
import torch

from rebnet.export import export
from rebnet.ir.architecture import Architecture
from rebnet.ir.network import Network
from rebnet.methods import REBNET
from rebnet.methods.activations import Activation, Planes
from rebnet.nn.build import build

IMAGES = 4
"""Random images that BatchNorm is fitted to."""


def untrained(described: Architecture, levels: int, planes: Planes, seed: int = 0) -> Network:
    """The exported network of random weights; the caller's random state is left as it was.

    Args:
        described: The network, which has a BatchNorm and M levels wherever a training has them.
        levels: M.
        planes: The codes of its activations.
        seed: Of weights and images.
    """
    images = np.random.default_rng(seed).integers(0, 256, (IMAGES, *described.image), dtype=np.uint8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(described, levels, method=replace(REBNET, activation=Activation(planes)))
    foldings = [layer.folding for layer in described.weighted]
    return export(model, "untrained", foldings=foldings, images=images)
