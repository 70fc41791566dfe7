"""Optimizers by name: one file each, with what makes it and its state before the first step."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rebnet.nn.linear import BinaryLayer
from rebnet.nn.planes import WeightPlanes
from rebnet.nn.residual import ResidualSign
from rebnet.train.optimizers import adam, bop, sgd
from rebnet.train.recipe import Optimizer, Recipe

Group = dict[str, Any]
"""Parameters under `params`, and what an optimizer keeps of them: a `factor` on the learning rate."""


class _Kind(Protocol):
    """What the file of an optimizer holds."""

    def make(self, groups: list[Group], recipe: Recipe) -> torch.optim.Optimizer:
        """The optimizer of these groups, of which those of latent weights that flip say so."""

    def fresh(self, parameter: Tensor, group: Group) -> dict[str, Tensor]:
        """Its state of a parameter before the first step."""


_KINDS: Mapping[Optimizer, _Kind] = {"adam": adam, "sgd": sgd, "bop": bop}


def make_optimizer(model: nn.Module, recipe: Recipe, real_weights: bool = False) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters; the learning rate is set before each step.

    Weights decay in latent weights alone: BatchNorm's weights and the factors of signs are no weights of sums.

    Args:
        model: The network.
        recipe: The recipe.
        real_weights: Whether layers multiply with their latent weights; "bop", which turns signs, is then "adam".
    """
    factors = [module.log_increments for module in model.modules() if isinstance(module, ResidualSign)]
    planes = [module for module in model.modules() if isinstance(module, WeightPlanes)]
    factors += [module.log_increments for module in planes if module.trains]
    turns = recipe.optimizer == "bop" and not real_weights
    latents = list(_latents(model, turns)) if turns or recipe.weight_decay > 0 else []
    known = {id(parameter) for parameter in (*factors, *latents)}
    others = [parameter for parameter in model.parameters() if id(parameter) not in known]
    latent: Group = {"params": latents, "factor": 1.0}
    latent |= {"turns": True} if turns else {"weight_decay": recipe.weight_decay}
    groups: list[Group] = [
        latent,
        {"params": others, "factor": 1.0},
        {"params": factors, "factor": recipe.gamma_rate},
    ]
    kind = adam if recipe.optimizer == "bop" and not turns else _KINDS[recipe.optimizer]
    return kind.make([group for group in groups if group["params"]], recipe)


def _latents(model: nn.Module, turn: bool) -> Iterator[nn.Parameter]:
    """The latent weights; of weights that turn those that are one sign."""
    for module in model.modules():
        if isinstance(module, BinaryLayer) and (module.planes is None or not turn):
            yield module.weight


def fresh_states(optimizer: torch.optim.Optimizer) -> list[dict[str, Tensor]]:
    """The state of every parameter before the first step, in the order of `state_dict`."""
    kinds: dict[type[torch.optim.Optimizer], _Kind] = {torch.optim.Adam: adam, torch.optim.SGD: sgd, bop.Bop: bop}
    kind = kinds[type(optimizer)]
    return [kind.fresh(parameter, group) for group in optimizer.param_groups for parameter in group["params"]]
