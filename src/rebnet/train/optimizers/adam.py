"""Adam (Kingma, Ba, arXiv:1412.6980), as torch has it."""

from typing import Any

import torch
from torch import Tensor

from rebnet.train.recipe import Recipe


def make(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Adam:
    """Adam with torch's moments."""
    return torch.optim.Adam(groups, lr=recipe.peak_learning_rate, fused=True)


def fresh(parameter: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
    """A count of steps and two moments."""
    return {
        "step": torch.tensor(0.0),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }
