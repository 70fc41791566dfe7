"""How good a model is on images: the share of labels that it names, or the error of a regression."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.datasets.dataset import VOID
from rebnet.nn.any_levels import is_any_level, level_counts, set_levels
from rebnet.nn.calibration import inference_batch
from rebnet.train.devices import ALONE, Processes
from rebnet.train.images import Source, first_pixels


@dataclass(frozen=True)
class Judged:
    """An accuracy in percent, or the root of a mean squared error.

    Attributes:
        value: At M levels.
        each: Of an any-level network, at each of 1 … M; None of others.
        regression: Whether it is an error.
    """

    value: float
    each: tuple[float, ...] | None
    regression: bool

    def entries(self, images: str) -> dict[str, Any]:
        """Keys of a record and what they hold, such as `test_accuracy` of `test` images."""
        one, several = ("error", "errors") if self.regression else ("accuracy", "accuracies")
        return {f"{images}_{one}": self.value, f"{images}_{several}": self.each}

    def __str__(self) -> str:
        return f"error {self.value:.4g}" if self.regression else f"{self.value:.2f} %"


def judged(model: nn.Module, images: Source, deviation: Tensor | None, processes: Processes = ALONE) -> Judged:
    """The figures of a model on images, at each m that it has; leaves M active.

    Args:
        model: The network.
        images: With labels, or with scaled targets.
        deviation: What one unit of each value of scaled targets is worth, shape (K,); None of labels.
        processes: Share the work.
    """
    found = []
    for m in level_counts(model):
        set_levels(model, m)
        one = accuracy(model, images, processes) if deviation is None else error(model, images, deviation, processes)
        found.append(one)
    return Judged(found[-1], tuple(found) if is_any_level(model) else None, deviation is not None)


def accuracy(model: nn.Module, images: Source, processes: Processes = ALONE) -> float:
    """Percent of labels that the largest score names, in eval mode and float32; `processes` share the work."""
    count = int((images.labels != VOID).sum())
    correct = _total(model, images, processes, lambda scores, labels: (scores.argmax(1) == labels).sum())
    return 100 * correct / max(count, 1)


def error(model: nn.Module, images: Source, deviation: Tensor, processes: Processes = ALONE) -> float:
    """Root of the mean squared error of all values, in units of the targets that were scaled by `deviation`."""
    units = deviation.to(images.labels.device)

    def squares(values: Tensor, targets: Tensor) -> Tensor:
        return ((values.movedim(1, -1) - targets) * units).square().sum()

    return float((_total(model, images, processes, squares) / images.labels.numel()) ** 0.5)


@torch.no_grad()
def _total(model: nn.Module, images: Source, processes: Processes, part: Callable[[Tensor, Tensor], Tensor]) -> float:
    """The sum over all images of `part` of what the model gives, in eval mode, and what is wanted."""
    was_training = model.training
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device=images.labels.device)
    order = torch.arange(len(images))[processes.share(len(images))]
    for batch in images.walk(order, inference_batch(first_pixels(images, 1))):
        total += part(model(batch.pixels), batch.labels)
    model.train(was_training)
    return processes.sum(total).item()
