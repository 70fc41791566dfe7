"""Stages of a training: what is binary when, each annealed on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any, Literal, get_args

from rebnet.errors import OptionError

Binary = Literal["none", "activations", "weights", "all"]


@dataclass(frozen=True)
class Stage:
    """A part of a training, with a warm-up, an annealed learning rate and an optimizer of its own.

    Activations first and then weights is the way of Real-to-Binary (arXiv:2003.11535, section 4.2) and of ReActNet
    (arXiv:2003.03488, section 5.1), whose first stage has a weight decay of 1e-5 and whose second has none.

    Attributes:
        binary: What is binary: "none", "activations", "weights" or "all". Activations that are not are tanh.
        epochs: Passes over the training images.
        peak_learning_rate: In place of the recipe's.
        weight_decay: In place of the recipe's.

    Raises:
        OptionError: A field is of another type or outside its range.
    """

    binary: Binary
    epochs: int
    peak_learning_rate: float | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        if self.binary not in get_args(Binary):
            raise OptionError(f"stage: binary holds {self.binary!r}, it must hold {', '.join(get_args(Binary))}")
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, Integral) or self.epochs < 1:
            raise OptionError(f"stage: epochs holds {self.epochs!r}, it must hold int and be at least 1")
        object.__setattr__(self, "epochs", int(self.epochs))
        for name, least in (("peak_learning_rate", "above 0"), ("weight_decay", "at least 0")):
            value = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, Real) and not isinstance(value, bool) and float(value) < float("inf")
            if not number or value < 0 or (value == 0 and least == "above 0"):
                raise OptionError(f"stage: {name} holds {value!r}, it must be {least} and finite, or None")
            object.__setattr__(self, name, float(value))

    @property
    def real_weights(self) -> bool:
        """Whether layers multiply with their latent weights."""
        return self.binary in ("none", "activations")

    @property
    def real_activations(self) -> bool:
        """Whether activations are tanh."""
        return self.binary in ("none", "weights")

    def recorded(self) -> dict[str, Any]:
        """The stage as a record holds it; what is left to the recipe is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Span:
    """A stage where it stands in a training.

    Attributes:
        stage: The stage.
        first: Epochs before it.
    """

    stage: Stage
    first: int

    @property
    def last(self) -> int:
        """Epochs up to its end."""
        return self.first + self.stage.epochs


def spans(stages: Sequence[Stage]) -> tuple[Span, ...]:
    """Stages one behind the other."""
    found: list[Span] = []
    for stage in stages:
        found.append(Span(stage, found[-1].last if found else 0))
    return tuple(found)


def shared_out(stages: Sequence[Stage], epochs: int) -> tuple[Stage, ...]:
    """The same stages over so many epochs in all, each with its share and at least one.

    Raises:
        OptionError: There are fewer epochs than stages.
    """
    if epochs < len(stages):
        raise OptionError(f"epochs={epochs}: the recipe has {len(stages)} stages of an epoch at least; use more")
    total, before = sum(stage.epochs for stage in stages), 0
    ends: list[int] = []
    for number, stage in enumerate(stages):
        before += stage.epochs
        end = round(before * epochs / total)
        ends.append(min(max(end, (ends[-1] if ends else 0) + 1), epochs - (len(stages) - 1 - number)))
    lengths = (end - begin for begin, end in zip([0, *ends[:-1]], ends, strict=True))
    return tuple(
        Stage(stage.binary, length, stage.peak_learning_rate, stage.weight_decay)
        for stage, length in zip(stages, lengths, strict=True)
    )


def taken(value: object) -> tuple[object, str]:
    """Stages in Python's own types, from `Stage`s or what a record holds; and what is wanted where they are neither."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value, "hold a list of stages"
    made: list[Stage] = []
    for one in value:
        if isinstance(one, Stage):
            made.append(one)
        elif not isinstance(one, Mapping):
            return value, "hold a list of stages"
        else:
            try:
                made.append(Stage(**one))
            except (TypeError, OptionError) as error:
                return value, f"hold a list of stages ({error})"
    if made and made[-1].binary != "all":
        return value, 'end in a stage in which "all" is binary'
    return tuple(made), ""
