"""Which level counts the steps of a training run at, and how accurate each is."""

import torch
from torch import nn

from rebnet.datasets.split import Draw
from rebnet.nn.any_levels import level_counts
from rebnet.train.batches import generator
from rebnet.train.recipe import Recipe


def level_sets(model: nn.Module, recipe: Recipe) -> list[tuple[int, ...]]:
    """The sets of level counts that steps run at, M last in each.

    One set, 1 … M, or for "sample" M with each other count: the sandwich of universally slimmable networks
    (arXiv:1903.05134) without its smallest, two passes a step whatever M. A network that is not any-level has (M,).
    """
    *fewer, most = level_counts(model)
    if recipe.any_levels == "all" or not fewer:
        return [(*fewer, most)]
    return [(m, most) for m in fewer]


def drawn_sets(sets: list[tuple[int, ...]], steps: int, seed: int, epoch: int) -> list[tuple[int, ...]]:
    """The set of each step of an epoch, drawn evenly."""
    chosen = torch.randint(len(sets), (steps,), generator=generator(seed, Draw.LEVELS, epoch))
    return [sets[index] for index in chosen.tolist()]
