"""The loss of all level counts that a step runs at."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rebnet.train.losses.divergence import divergence
from rebnet.train.losses.scores import score_loss
from rebnet.train.recipe import Recipe


def levels_loss(scores: Sequence[Tensor], labels: Tensor, recipe: Recipe, taught: Tensor | None = None) -> Tensor:
    """Mean loss over level counts, M last: M learns the labels, every other the probabilities that M gives.

    In-place distillation of universally slimmable networks (Yu, Huang, arXiv:1903.05134, section 3.3): the
    cross-entropy of a smaller network to the softmax of the largest, through which no gradient goes. Scores that learn
    by squared hinge are no logarithms of probabilities; there every level count learns the labels. A teacher's
    scores M learns too, by the recipe's share of distillation.
    """
    loss = score_loss(scores[-1], labels, recipe)
    if taught is not None:
        loss = torch.lerp(loss, divergence(scores[-1], taught, recipe.temperature), recipe.distillation)
    if len(scores) == 1:
        return loss
    soft = scores[-1].detach().softmax(1)
    for fewer in scores[:-1]:
        distils = recipe.loss == "cross_entropy"
        loss = loss + (functional.cross_entropy(fewer, soft) if distils else score_loss(fewer, labels, recipe))
    return loss / len(scores)
