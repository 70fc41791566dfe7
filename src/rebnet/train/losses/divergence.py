"""Distillation: scores that are to be a teacher's."""

from torch import Tensor
from torch.nn import functional


def divergence(scores: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softmax(scores / T) from softmax(wanted / T), times T^2, averaged over the batch.

    On a map, over all its places.

    Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531.
    """
    ours, theirs = (functional.log_softmax(values / temperature, 1) for values in (scores, wanted))
    total = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return temperature**2 * total / (scores.numel() // scores.shape[1])
