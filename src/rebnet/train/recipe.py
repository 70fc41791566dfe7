"""Recipes: everything about a training that is not the network, the data or the seed."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from rebnet.errors import FileFormatError, OptionError
from rebnet.ir.architecture import MAX_WEIGHT_PLANES, Architecture, Weights
from rebnet.methods import METHODS, REBNET, method_of
from rebnet.nn.options import FEATURE_BITS, Estimator, Gradient
from rebnet.train.schedule import Span, Stage, shared_out, spans, taken

Optimizer = Literal["adam", "sgd", "bop"]
Loss = Literal["cross_entropy", "squared_hinge", "squared_error"]
Precision = Literal["float32", "bfloat16"]
AnyLevels = Literal["all", "sample"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: an optimizer whose learning rate is annealed to zero; recorded whole with its result.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step; what is left over at the end of an epoch waits for the next shuffle.
        peak_learning_rate: Learning rate at the end of the warm-up.
        warmup_steps: Steps over which the learning rate rises from zero; at most a tenth of all steps are taken.
        loss: "cross_entropy", or "squared_hinge" (sum over classes of max(0, 1 - score * target)^2, target +1 or -1).
            A regression always learns its targets with "squared_error", and nothing else does.
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
        feature_bits: F of a network with branches, whose features are multiples of 2^-F.
        weight_bits: Bits of the weights of every layer, 1 to 8; 0 leaves what the network text says. A layer whose
            weights the text names keeps them.
        first_weight_bits: The same of the first layer, 0 leaves it to `weight_bits`.
        last_weight_bits: The same of the last layer.
        optimizer: "adam", "sgd" with `momentum`, or "bop" for weights of 1 bit and Adam for all else.
        momentum: Of "sgd"; 0 to below 1.
        weight_decay: Added to the gradient of latent weights, times the weight; not for "bop".
        flip_rate: gamma of "bop", the share of a step's gradient in its momentum; falls as the learning rate does.
        flip_threshold: tau of "bop", what the momentum must exceed for a weight to turn.
        attention: Factor on the distance from where a teacher's blocks look, where there is a teacher.
        label_aware: Factor on the label-aware loss of what stands in front of the last layer.
        stages: What is binary when, in place of everything all the time; their epochs add up to `epochs`.
        method: Name of the method that binarizes activations and weights, see `rebnet.methods`. All but "rebnet" bring
            estimators of their own, and `estimator` then plays no part.

    Raises:
        OptionError: A field is of another type or outside its range. Numbers of numpy are numbers.
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
    feature_bits: int = FEATURE_BITS
    weight_bits: int = 0
    first_weight_bits: int = 0
    last_weight_bits: int = 0
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    flip_rate: float = 1e-4
    flip_threshold: float = 1e-8
    attention: float = 0.0
    label_aware: float = 0.0
    stages: tuple[Stage, ...] = ()
    method: str = REBNET.name

    def __post_init__(self) -> None:
        for field in fields(self):
            value, wanted = _taken(field.name, getattr(self, field.name))
            if wanted:
                raise OptionError(f"recipe: {field.name} holds {value!r}, it must {wanted}")
            object.__setattr__(self, field.name, value)
        fault = self._fault()
        if fault:
            raise OptionError(f"recipe: {fault}")

    def _fault(self) -> str:
        """What two fields together may not say."""
        total = sum(stage.epochs for stage in self.stages)
        if self.stages and total != self.epochs:
            return f"its stages have {total} epochs, and epochs={self.epochs}; let both say the same"
        if self.stages and self.real_weight_epochs:
            return 'real_weight_epochs and stages both say when weights are real; use a stage of "activations"'
        if self.optimizer != "bop":
            return ""
        weight = METHODS[self.method].weight
        if weight.scale is not None or weight.centred or weight.standardized:
            return f'optimizer="bop" has no latent weights, of which method {self.method} measures the size; use "adam"'
        if self.real_weight_epochs:
            return 'optimizer="bop" turns signs, and has none in real_weight_epochs; use a stage of "activations"'
        decays = self.weight_decay or any(stage.weight_decay for stage in self.stages if not stage.real_weights)
        return 'optimizer="bop" turns signs, which cannot decay; use weight_decay=0' if decays else ""

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its stages where they stand; one of everything where it has none."""
        return spans(self.stages or (Stage("all", self.epochs),))

    def span_of(self, epoch: int) -> Span:
        """The stage of an epoch, counted from 0."""
        return next(span for span in self.spans if epoch < span.last)

    def within(self, span: Span) -> "Recipe":
        """The recipe of a stage alone."""
        if not self.stages:
            return self
        stage = span.stage
        rate = self.peak_learning_rate if stage.peak_learning_rate is None else stage.peak_learning_rate
        decay = self.weight_decay if stage.weight_decay is None else stage.weight_decay
        return replace(self, stages=(), epochs=stage.epochs, peak_learning_rate=rate, weight_decay=decay)

    def applied(self, network: Architecture) -> Architecture:
        """The network with weights of as many bits as the recipe says, and its method's nonlinearity."""
        bits = (self.weight_bits, self.first_weight_bits, self.last_weight_bits)
        network = network.with_weights(*(Weights("w", one) if one else None for one in bits))
        return METHODS[self.method].applied(network)

    def recorded(self) -> dict[str, Any]:
        """The fields as a record holds them; of those that came later, what changes nothing is left out."""
        fields = {**asdict(self), "stages": [stage.recorded() for stage in self.stages]}
        return {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}

    @property
    def sharpens(self) -> bool:
        """Whether an estimator grows sharper over the training."""
        method = METHODS[self.method]
        return self.estimator == "ede" if method.recipe_estimator else method.has_schedule

    def learning_rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` of `steps`, counted from 0: linear warm-up times a cosine to zero."""
        warmup_steps = max(1, min(self.warmup_steps, steps // 10))
        warm = min(1.0, (step + 1) / warmup_steps)
        return self.peak_learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))


_KINDS = get_type_hints(Recipe)
_LEAST = {"epochs": 1, "batch_size": 2, "calibration_images": 1}
"""Whole numbers are at least 0, but for these."""
_POSITIVE = ("peak_learning_rate", "latent_clip", "initial_spread", "temperature", "flip_rate")
_SHARES = ("label_smoothing", "validation_fraction", "momentum")
_MOST = 2**31 - 1
_WEIGHT_BITS = ("weight_bits", "first_weight_bits", "last_weight_bits")
"""Fields that change the network."""
LATER = {
    name: getattr(Recipe, name)
    for name in (
        *_WEIGHT_BITS,
        "optimizer",
        "momentum",
        "weight_decay",
        "flip_rate",
        "flip_threshold",
        "attention",
        "label_aware",
        "method",
    )
} | {"stages": []}
"""Fields that older records lack, and the values that change nothing."""
_HIGHEST = {"feature_bits": 16, **dict.fromkeys(_WEIGHT_BITS, MAX_WEIGHT_PLANES)}


def _taken(name: str, value: object) -> tuple[object, str]:
    """The value of a field in Python's own type, and what it must do where it is not legal."""
    if name == "stages":
        return taken(value)
    kind = _KINDS[name]
    if choices := get_args(kind):
        return value, "" if value in choices else f"hold {', '.join(choices)}"
    if name == "method":
        return value, "" if value in METHODS else f"hold {', '.join(METHODS)}"
    if kind is bool:
        is_bool = type(value).__name__ in ("bool", "bool_")  # numpy's too
        return (bool(value), "") if is_bool else (value, "hold bool")
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        return value, f"hold {kind.__name__}"
    value = int(value) if isinstance(value, Integral) else float(value)
    return value, _out_of_range(name, value)


def _out_of_range(name: str, value: float) -> str:
    """What a number must be where it is not legal."""
    if _KINDS[name] is int:
        least = _LEAST.get(name, 0)
        most = _HIGHEST.get(name, _MOST)
        return f"be at least {least}" if value < least else f"be at most {most}" if value > most else ""
    if name == "distillation":
        return "" if 0 <= value <= 1 else "be 0 to 1"
    if name in _SHARES:
        return "" if 0 <= value < 1 else "be 0 to below 1"
    if name in _POSITIVE:
        return "" if 0 < value < math.inf else "be above 0 and finite"
    return "" if 0 <= value < math.inf else "be at least 0 and finite"


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
    for name, value in recorded.items():
        if name not in _KINDS:
            raise FileFormatError(f"{path}: recipe.{name} is not known here; use the rebnet that wrote it")
        _, wanted = _taken(name, value)
        if wanted:
            raise FileFormatError(f"{path}: recipe.{name} holds {value!r}, it must {wanted}")
    try:
        return Recipe(**recorded)
    except OptionError as error:
        raise FileFormatError(f"{path}: {error}") from None


def recipe_for(dataset: str, name: str | Recipe | None = None, epochs: int | None = None) -> Recipe:
    """The recipe called `name`, or else the one made for `dataset`, with `epochs` in place of its own if given.

    A `Recipe` in place of the name is used as it is.

    Raises:
        OptionError: There is no recipe of that name, or `epochs` is below 1.
    """
    if name is not None and not isinstance(name, str | Recipe):
        raise OptionError(f"recipe={name!r}: is {type(name).__name__}; give a Recipe or the name of one")
    if isinstance(name, str) and name not in RECIPES:
        raise OptionError(f"recipe={name!r}: no such recipe; use one of {', '.join(sorted(RECIPES))}")
    by_name = RECIPES.get(dataset, RECIPES["default"]) if name is None else name
    recipe = RECIPES[by_name] if isinstance(by_name, str) else by_name
    if epochs is None:
        return recipe
    if isinstance(epochs, bool) or not isinstance(epochs, Integral) or epochs < 1:
        raise OptionError(f"epochs={epochs}: a training takes at least one pass over the images; use 1 or more")
    return replace(recipe, epochs=int(epochs), stages=shared_out(recipe.stages, int(epochs)) if recipe.stages else ())


def with_options(
    dataset: str,
    name: str | Recipe | None,
    every: int | None = None,
    first: int | None = None,
    last: int | None = None,
    method: str | None = None,
) -> str | Recipe | None:
    """The recipe called `name`, or made for `dataset`, with bits of weights and a method where given; else the name.

    A method brings the fields that it wants other values of.

    Raises:
        OptionError: There is no recipe or no method of that name, or bits are none that weights can have.
    """
    given: dict[str, Any] = {
        name: bits for name, bits in zip(_WEIGHT_BITS, (every, first, last), strict=True) if bits is not None
    }
    if method is not None:
        given = {**method_of(method).recipe, "method": method, **given}
    return replace(recipe_for(dataset, name), **given) if given else name
