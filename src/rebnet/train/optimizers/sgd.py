"""Gradient descent with momentum, as torch has it: m = momentum * m + g, p = p - rate * m."""

from typing import Any

import torch
from torch import Tensor

from rebnet.train.recipe import Recipe


def make(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.SGD:
    """Gradient descent with the recipe's momentum."""
    return torch.optim.SGD(groups, lr=recipe.peak_learning_rate, momentum=recipe.momentum)


def fresh(parameter: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
    """The momentum, where there is one."""
    return {"momentum_buffer": torch.zeros_like(parameter)} if group["momentum"] else {}
