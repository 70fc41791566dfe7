"""Random accelerators: dense and convolutional chains at random legal foldings."""

from itertools import count

import numpy as np
from tests.networks.draw import draw_conv_network, draw_foldings, draw_network

from rebnet.fold import samples_per_beat
from rebnet.fold.timing.depths import ample_depths
from rebnet.fold.timing.processes import processes_of
from rebnet.stages.accelerator import Accelerator, accelerator_of
from rebnet.stages.buffers import Depths

KINDS = {"dense": draw_network, "convolutional": draw_conv_network}


def draw_chain(kind: str, seed: int, *, wide: bool = False) -> Accelerator:
    """A chain of a random network; `wide` gives it the beats that `fold` would, else any number of samples a beat."""
    return _drawn(kind, np.random.default_rng([seed, 7]), seed, wide)


def draw_small_chain(kind: str, seed: int) -> Accelerator:
    """A chain in which an image is at most 1000 events, so that many images take little time."""
    for attempt in count():
        chain = _drawn(kind, np.random.default_rng([seed, attempt]), seed, wide=False)
        processes = processes_of(chain, chain.levels, ample_depths(chain)).processes
        if sum(process.count for process in processes) <= 1000:
            return chain
    raise AssertionError


def _drawn(kind: str, rng: np.random.Generator, seed: int, wide: bool) -> Accelerator:
    network = KINDS[kind](rng, seed)
    foldings = draw_foldings(rng, network)
    beat = samples_per_beat(accelerator_of(network, foldings, 1)) if wide else 2 ** int(rng.integers(0, 5))
    return accelerator_of(network, foldings, beat)


def least_depths(accelerator: Accelerator) -> Depths:
    """The fewest words with which each buffer works at all."""
    return {c.name: -(-c.least // c.unit) * c.unit for c in accelerator.buffers}


def draw_depths(accelerator: Accelerator, rng: np.random.Generator, most: int) -> Depths:
    """Random depths of up to `most` units more than the least."""
    least = least_depths(accelerator)
    return {c.name: least[c.name] + c.unit * int(rng.integers(0, most + 1)) for c in accelerator.buffers}
