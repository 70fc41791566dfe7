"""Recipes: everything about a training that is not the network, the data or the seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from rebnet.errors import FileFormatError, OptionError
from rebnet.nn.residual import Estimator, Gradient

Loss = Literal["cross_entropy", "squared_hinge"]
Precision = Literal["float32", "bfloat16"]
AnyLevels = Literal["all", "sample"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: Adam, annealed to zero, without weight decay; recorded whole with its result.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step; what is left over at the end of an epoch waits for the next shuffle.
        peak_learning_rate: Adam's learning rate at the end of the warm-up.
        warmup_steps: Steps over which the learning rate rises from zero; at most a tenth of all steps are taken.
        loss: "cross_entropy", or "squared_hinge" (sum over classes of max(0, 1 - score * target)^2, target +1 or -1).
        label_smoothing: Share of the target spread over all classes, 0 to below 1; for cross_entropy.
        shift_pixels: Images are moved by up to this many pixels each way, the border filled with zeros; the same as
            a random crop after padding by so many.
        flip: Half of the images are mirrored, left to right.
        gradient: Gradient of the residual signs, "chain" or "paper".
        estimator: What stands in for the slope of a sign, "clip", "polynomial" or "ede" (t from 0.1 to 10).
        latent_clip: Latent weights stay within plus and minus this.
        initial_spread: Factor on the initial latent weights, whose standard deviation is 1/sqrt(fan-in).
        gamma_rate: Factor on the learning rate of the scaling factors.
        distillation: Share of the loss that is the divergence from a teacher's scores, where there is one; 0 to 1.
        temperature: Scores of teacher and student are divided by this in the divergence.
        real_weight_epochs: So many epochs at the start are trained with real weights and binary activations.
        validation_fraction: Share of the training images held out to judge by.
        precision: Float type of a training step's products and sums; the parameters, evaluation and calibration are
            always float32. "bfloat16" is two to three times as fast in convolutions, on a CPU that has it.
        calibration_images: At most so many training images, moved and mirrored as in training, give the final
            BatchNorm statistics.
        any_levels: Level counts that a step of an any-level training runs at: "all", or "sample", M and one more.
    """

    epochs: int = 60
    batch_size: int = 100
    peak_learning_rate: float = 5e-3
    warmup_steps: int = 500
    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    shift_pixels: int = 0
    flip: bool = False
    gradient: Gradient = "chain"
    estimator: Estimator = "clip"
    latent_clip: float = 1.0
    initial_spread: float = 1.0
    gamma_rate: float = 1.0
    distillation: float = 0.5
    temperature: float = 2.0
    real_weight_epochs: int = 0
    validation_fraction: float = 1 / 12
    precision: Precision = "float32"
    calibration_images: int = 10_000
    any_levels: AnyLevels = "all"

    def learning_rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` of `steps`, counted from 0: linear warm-up times a cosine to zero."""
        warmup_steps = max(1, min(self.warmup_steps, steps // 10))
        warm = min(1.0, (step + 1) / warmup_steps)
        return self.peak_learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))


RECIPES: dict[str, Recipe] = {
    "default": Recipe(),
    "digits": Recipe(batch_size=50, warmup_steps=100, validation_fraction=0.1),
    "mnist": Recipe(epochs=100, shift_pixels=1, estimator="polynomial"),
    "cifar10": Recipe(
        epochs=120,
        peak_learning_rate=1e-2,
        shift_pixels=4,
        flip=True,
        estimator="polynomial",
        validation_fraction=0.05,
        precision="bfloat16",
    ),
    "svhn": Recipe(epochs=30, shift_pixels=2, estimator="polynomial", validation_fraction=0.05, precision="bfloat16"),
    "imagenet": Recipe(
        batch_size=256,
        shift_pixels=16,
        flip=True,
        estimator="polynomial",
        validation_fraction=0.01,
        precision="bfloat16",
        calibration_images=2_000,
    ),
}
"""Recipes by name; a data set uses the recipe of its own name, or else "default".

What was tried for "cifar10" and "mnist" is in docs/concepts/recipes.md; "svhn" and "imagenet" follow "cifar10" but
for its peak rate, and nobody has measured them.
"""


def recipe_of(path: Path, recorded: Mapping[str, Any]) -> Recipe:
    """The recipe that the record in file `path` holds; fields that an older record lacks have their default.

    Raises:
        FileFormatError: It has a field that is unknown, of another type or choice, or too small.
    """
    kinds = get_type_hints(Recipe)
    for name, value in recorded.items():
        if name not in kinds:
            raise FileFormatError(f"{path}: recipe.{name} is not known here; use the rebnet that wrote it")
        kind = kinds[name]
        legal = get_args(kind)
        wrong = value not in legal if legal else type(value) not in ((float, int) if kind is float else (kind,))
        if wrong:
            wanted = ", ".join(legal) or kind.__name__
            raise FileFormatError(f"{path}: recipe.{name} holds {value!r}, it must hold {wanted}")
        least = 1 if name in ("epochs", "batch_size") else 0
        if not legal and value < least:
            raise FileFormatError(f"{path}: recipe.{name} holds {value}, it must be at least {least}")
    return Recipe(**recorded)


def recipe_for(dataset: str, name: str | Recipe | None = None, epochs: int | None = None) -> Recipe:
    """The recipe called `name`, or else the one made for `dataset`, with `epochs` in place of its own if given.

    A `Recipe` in place of the name is used as it is.

    Raises:
        OptionError: There is no recipe of that name, or `epochs` is below 1.
    """
    if isinstance(name, str) and name not in RECIPES:
        raise OptionError(f"recipe={name!r}: no such recipe; use one of {', '.join(sorted(RECIPES))}")
    by_name = RECIPES.get(dataset, RECIPES["default"]) if name is None else name
    recipe = RECIPES[by_name] if isinstance(by_name, str) else by_name
    if epochs is None:
        return recipe
    if epochs < 1:
        raise OptionError(f"epochs={epochs}: a training takes at least one pass over the images; use 1 or more")
    return replace(recipe, epochs=epochs)
