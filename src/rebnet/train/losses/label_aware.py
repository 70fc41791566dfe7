"""The label-aware loss: what stands in front of the last layer is alike within a class and unlike between classes.

Source: Sun, Zou, Zhan, ""Ghost" and Attention in Binary Neural Network" (IEEE Access 10, 2022,
doi:10.1109/ACCESS.2022.3181192), which trains ReActNet with a loss of this name on its penultimate layer, beside the
cross-entropy. What it is to do is in its abstract: take labels into account, and set the feature vectors of classes
apart. Its equation could not be had; chosen here is the supervised contrastive loss, which does that: Khosla et al.,
"Supervised Contrastive Learning" (arXiv:2004.11362), equation 2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rebnet.nn.graph import Step
from rebnet.nn.linear import BinaryLayer

TEMPERATURE = 0.1
"""tau, as in the paper's section 4."""


def label_aware(features: Tensor, labels: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Supervised contrastive loss of N feature vectors, averaged over those whose class is there more than once.

    With z the vectors at length 1, P(i) the others of i's class and A(i) all others,

        L_i = -1/|P(i)| * sum over p in P(i) of log( exp(z_i.z_p / tau) / sum over a in A(i) of exp(z_i.z_a / tau) ).

    0 where every class is there once. Of processes that train together each compares the images of its own.

    Args:
        features: N x D.
        labels: N.
        temperature: tau.
    """
    z = functional.normalize(features, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    shares = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(itself, 0.0)
    alike = (labels[:, None] == labels[None]) & ~itself
    count = alike.sum(1)
    losses = -(shares * alike).sum(1) / count.clamp(min=1)
    return losses.sum() / (count > 0).sum().clamp(min=1)


def features_of(flow: Sequence[Step]) -> int:
    """Number of the step that the last layer with weights reads."""
    last = next(step for step in reversed(flow) if isinstance(step.module, BinaryLayer))
    return last.of[0]
