"""Bop, the binary optimizer: weights are signs, and turn where their gradient pushes long enough.

Source: Helwegen et al., "Latent Weights Do Not Exist: Rethinking Binarized Neural Network Optimization"
(arXiv:1906.02107), algorithm 1. All that is no binary weight is trained by Adam, as there.
"""

from typing import Any

import torch
from torch import Tensor

from rebnet.nn.residual import sign
from rebnet.train.optimizers import adam
from rebnet.train.recipe import Recipe


class Bop(torch.optim.Adam):
    """Adam, but for the groups that `turns`: m = (1 - rate) * m + rate * g, and w = -w where w * m > threshold.

    For w of +1 or -1 that is |m| > threshold and sign(m) = sign(w). A group's rate is the adaptivity rate gamma of the
    paper, which it lets fall during a training as other learning rates do; its threshold is tau.

    Args:
        groups: Groups of parameters; those with `turns` are made signs.
        rate: Adam's learning rate.
        threshold: tau.
    """

    def __init__(self, groups: list[dict[str, Any]], rate: float, threshold: float) -> None:
        super().__init__(groups, lr=rate, fused=True)
        for group in self.param_groups:
            group["turns"], group["threshold"] = group.get("turns", False), threshold
            for parameter in group["params"] if group["turns"] else ():
                with torch.no_grad():
                    parameter.copy_(sign(parameter))

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Turn weights, and take a step of Adam with all others."""
        for group in self.param_groups:
            for parameter in group["params"] if group["turns"] else ():
                if parameter.grad is not None:
                    self._turn(parameter, group["lr"], group["threshold"])
                    parameter.grad = None  # nothing is left to Adam
        super().step()

    @torch.no_grad()
    def _turn(self, weight: Tensor, rate: float, threshold: float) -> None:
        state = self.state[weight]
        if not state:
            state.update(fresh(weight, {"turns": True}))
        state["step"] += 1
        state["momentum"].lerp_(weight.grad, rate)
        weight.copy_(torch.where(state["momentum"] * sign(weight) > threshold, -weight, weight))


def make(groups: list[dict[str, Any]], recipe: Recipe) -> Bop:
    """Bop whose adaptivity rate begins at the recipe's and falls as the learning rate does."""
    for group in groups:
        if group.get("turns"):
            group["factor"] = recipe.flip_rate / recipe.peak_learning_rate
    return Bop(groups, recipe.peak_learning_rate, recipe.flip_threshold)


def fresh(parameter: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
    """The momentum of a weight that turns, and a count of steps, which Adam looks for; of others what Adam has."""
    if not group["turns"]:
        return adam.fresh(parameter, group)
    return {"step": torch.tensor(0.0), "momentum": torch.zeros_like(parameter)}
