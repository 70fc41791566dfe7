"""What scores lose against labels, and values against targets."""

from torch import Tensor
from torch.nn import functional

from rebnet.datasets.dataset import VOID
from rebnet.train.recipe import Recipe


def score_loss(scores: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    """The recipe's loss of N x classes scores against N labels, averaged over the batch.

    On a map, scores N x classes x H x W against labels N x H x W, averaged over the places that are not `VOID`; 0
    where all are. Values are compared with targets, N x K or N x H x W x K.
    """
    if recipe.loss == "squared_error":
        return functional.mse_loss(scores.movedim(1, -1), labels)
    if recipe.loss == "cross_entropy":
        if labels.ndim == 1:
            return functional.cross_entropy(scores, labels, label_smoothing=recipe.label_smoothing)
        total = functional.cross_entropy(
            scores, labels, ignore_index=VOID, label_smoothing=recipe.label_smoothing, reduction="sum"
        )
        return total / (labels != VOID).sum().clamp(min=1)
    targets = 2.0 * functional.one_hot(labels.clamp(min=0), scores.shape[1]).movedim(-1, 1) - 1.0
    losses = (1 - scores * targets).clamp(min=0).square().sum(1)
    if labels.ndim == 1:
        return losses.mean()
    judged = labels != VOID
    return (losses * judged).sum() / judged.sum().clamp(min=1)
