"""A method of binarization as data: its parts, and what they make of a network text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rebnet.errors import OptionError
from rebnet.ir.architecture import (
    ONE_BIT,
    Architecture,
    AverageText,
    Block,
    Item,
    TwoSlopeText,
    WeightedText,
)
from rebnet.methods.activations import Activation, Parallel, Real
from rebnet.methods.behind import NO_SCALE, Nonlinearity, PostScale
from rebnet.methods.estimators import Ede, Iee
from rebnet.methods.verdict import Kind, Verdict
from rebnet.methods.weights import Weight

PLAIN_ACTIVATION = Activation()
PLAIN_WEIGHT = Weight()


class Judged(NamedTuple):
    """One part of a method.

    Attributes:
        place: Where it stands: "activations", "weights", "scale of sums" or "nonlinearity".
        part: Which of that it is, such as "threshold"; "" where there is one.
        text: What it is, in a few words.
        verdict: What becomes of it at inference.
    """

    place: str
    part: str
    text: str
    verdict: Verdict


@dataclass(frozen=True)
class Method:
    """A method of binarization: parts by argument.

    Attributes:
        name: Lower case, with hyphens.
        title: As its authors call it.
        source: The paper.
        activation: How activations are binarized.
        weight: How weights are.
        scale: What the sums of a layer are multiplied by.
        nonlinearity: What stands behind them.
        recipe: Fields of `rebnet.train.recipe.Recipe` that it wants other values of.
        in_hardware: Where a part is "H3", the method by name that is as near to it as hardware has.
        recipe_estimator: Whether the recipe says the activations' estimator: ReBNet's own networks.
    """

    name: str
    title: str
    source: str
    activation: Activation = PLAIN_ACTIVATION
    weight: Weight = PLAIN_WEIGHT
    scale: PostScale = None
    nonlinearity: Nonlinearity = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    in_hardware: str = ""
    recipe_estimator: bool = False

    @property
    def parts(self) -> tuple[Judged, ...]:
        """All parts, with what becomes of each at inference."""
        scale = NO_SCALE if self.scale is None else self.scale.verdict
        bend = NO_SCALE if self.nonlinearity is None else self.nonlinearity.verdict
        return (
            *(Judged("activations", *each) for each in self.activation.verdicts),
            *(Judged("weights", *each) for each in self.weight.verdicts),
            Judged("scale of sums", "", str(self.scale or "none"), scale),
            Judged("nonlinearity", "", str(self.nonlinearity or "none"), bend),
        )

    @property
    def kind(self) -> Kind:
        """The dearest of its parts."""
        return max((judged.verdict.kind for judged in self.parts), key=("H1", "H2", "H3").index)

    @property
    def has_schedule(self) -> bool:
        """Whether an estimator grows sharper over the training."""
        return any(isinstance(one.estimator, Ede | Iee) for one in (self.activation, self.weight))

    @property
    def refusal(self) -> str:
        """Why it is not compiled, and the way out, as the end of a sentence; "" where it is."""
        judged = next((one for one in self.parts if one.verdict.kind == "H3"), None)
        if judged is None:
            return ""
        named = f"{judged.place}, {judged.part}" if judged.part else judged.place
        way = f"train with --method {self.in_hardware}, or " if self.in_hardware else ""
        return (
            f"method {self.name} {judged.verdict.says} ({named}: {judged.text}), which hardware does not have; {way}"
            f"{judged.verdict.instead}"
        )

    @property
    def at_inference(self) -> "Method":
        """What is left of it behind a training: parts that cost nothing are gone, see `rebnet.nn.methods.absorb`."""
        activation = self.activation
        if not _is_in_float(activation.verdicts):
            parallel = isinstance(activation.planes, Parallel)
            activation = Activation(activation.planes) if parallel else PLAIN_ACTIVATION
        weight = self.weight if _is_in_float(self.weight.verdicts) else PLAIN_WEIGHT
        return replace(self, activation=activation, weight=weight)

    def check(self, levels: int, any_levels: bool) -> None:
        """Raise `OptionError` where activations of so many levels have no room in it."""
        if levels == 0 and not self.recipe_estimator:
            raise OptionError(
                f"method {self.name}: binarizes, and a float network (--levels 0) is not; leave one of the two out"
            )
        if isinstance(self.activation.planes, Parallel) and any_levels:
            raise OptionError(
                f"method {self.name}: adds codes side by side, which have no order in which fewer levels come first; "
                "leave --any-levels out"
            )
        if isinstance(self.activation.planes, Real) and (levels != 1 or any_levels):
            raise OptionError(
                f"method {self.name}: its activations are real and have no levels; leave --levels and --any-levels "
                f"out{f', or take --method {self.in_hardware}' if self.in_hardware else ''}"
            )

    def applied(self, network: Architecture) -> Architecture:
        """The network text with the nonlinearity behind its layers, and with planes of weights; once is as twice."""
        if self.weight.planes != ONE_BIT:
            network = network.with_weights(self.weight.planes)
        if self.nonlinearity is None:
            return network
        token = TwoSlopeText(self.nonlinearity.shifts)
        return replace(network, items=tuple(_bent(network.items, token)))


def _is_in_float(verdicts: Sequence[tuple[str, str, Verdict]]) -> bool:
    return any(verdict.kind == "H3" for _, _, verdict in verdicts)


def _bent(items: Sequence[Item], token: TwoSlopeText) -> Iterator[Item]:
    """The items with a token behind every layer with weights, and what pools it, that something in the chain reads."""
    waiting = False
    for item in items:
        improves = isinstance(item, Block) and item.meet == "<"  # the join in front, which it has to see
        if waiting and not improves and isinstance(item, WeightedText | Block | AverageText):
            yield token
        if isinstance(item, WeightedText | Block):
            waiting = True
        elif isinstance(item, TwoSlopeText | AverageText):
            waiting = False
        if isinstance(item, Block):
            once = replace(item, branches=tuple(tuple(_bent(one, token)) for one in item.branches), times=1)
            yield once
            for _ in range(item.times - 1):
                yield token
                yield once
        else:
            yield item
