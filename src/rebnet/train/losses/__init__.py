"""What a training step minimises: one file a term, and `Goal`, which adds them up as the recipe says."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rebnet.nn.any_levels import level_counts, scores_at, values_at
from rebnet.nn.graph import Step
from rebnet.train.losses.attention import attention, blocks
from rebnet.train.losses.label_aware import features_of, label_aware
from rebnet.train.losses.levels import levels_loss
from rebnet.train.recipe import Recipe


class Goal:
    """The loss of a network, and of what it shows of itself on the way.

    Args:
        model: The network.
        flow: Its steps.
        recipe: The recipe.
        teacher: A network whose scores, and whose blocks where the recipe says so, it learns to give.
        flow_of_teacher: The teacher's steps.
    """

    def __init__(
        self,
        model: nn.Module,
        flow: Sequence[Step],
        recipe: Recipe,
        teacher: nn.Module | None = None,
        flow_of_teacher: Sequence[Step] = (),
    ) -> None:
        self._model, self._flow, self._recipe = model, flow, recipe
        self._teacher, self._flow_of_teacher = teacher, flow_of_teacher
        attends = teacher is not None and recipe.attention > 0
        self._blocks, self._taught = blocks(flow, flow_of_teacher) if attends else ((), ())
        self._feature = features_of(flow) if recipe.label_aware > 0 else None
        self._most = level_counts(teacher)[-1] if teacher is not None else 0

    def __call__(self, pixels: Tensor, labels: Tensor, levels: tuple[int, ...]) -> Tensor:
        """The loss at these level counts, M last."""
        recipe, kind = self._recipe, pixels.device.type
        values: dict[int, Tensor] = {}
        with torch.autocast(kind, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            if self._blocks or self._feature is not None:
                each = values_at(self._flow, pixels, levels)
                scores, values = [one[len(self._flow) - 1].float() for one in each], each[-1]
            else:
                scores = [one.float() for one in scores_at(self._model, pixels, levels, self._flow)]
        loss = self._of_scores(pixels, labels, scores, values)
        if self._feature is not None:
            loss = loss + recipe.label_aware * label_aware(values[self._feature].float().flatten(1), labels)
        return loss

    def _of_scores(self, pixels: Tensor, labels: Tensor, scores: Sequence[Tensor], values: dict[int, Tensor]) -> Tensor:
        recipe = self._recipe
        if self._teacher is None:
            return levels_loss(scores, labels, recipe)
        theirs: dict[int, Tensor] = {}
        enabled = recipe.precision == "bfloat16"
        with torch.no_grad(), torch.autocast(pixels.device.type, torch.bfloat16, enabled=enabled):
            if self._blocks:
                theirs = values_at(self._flow_of_teacher, pixels, (self._most,))[0]
                taught = theirs[len(self._flow_of_teacher) - 1].float()
            else:
                taught = self._teacher(pixels).float()
        loss = levels_loss(scores, labels, recipe, taught)
        if not self._blocks:
            return loss
        ours = [values[place].float() for place in self._blocks]
        return loss + recipe.attention * attention(ours, [theirs[place].float() for place in self._taught])
