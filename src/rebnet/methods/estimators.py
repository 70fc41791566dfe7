"""Estimators: what stands in for the slope of a sign in the backward pass.

Each is named by its slope h; forward, a sign is a sign. `rebnet.nn.methods.estimators` computes them.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from rebnet.methods.verdict import IN_TRAINING, Verdict


@dataclass(frozen=True)
class Schedule:
    """A sharpness that grows over the training in even steps of its logarithm: t = first·(last/first)^progress."""

    first: float
    last: float

    def at(self, progress: float) -> float:
        """The sharpness when that share of the training is done, 0 to 1."""
        return float(self.first * (self.last / self.first) ** progress)

    def __str__(self) -> str:
        return f"t = {self.first:g} to {self.last:g}"


@dataclass(frozen=True)
class Identity:
    """h = 1: plain straight-through (Bengio et al., arXiv:1308.3432)."""

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return "identity"


@dataclass(frozen=True)
class Clip:
    """h = 1[|x| <= 1] (BinaryNet, arXiv:1602.02830, equation 4)."""

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return "clip"


@dataclass(frozen=True)
class Polynomial:
    """h = max(0, 2 - 2|x|) (Bi-Real Net, arXiv:1808.00278, equation 5)."""

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return "polynomial"


@dataclass(frozen=True)
class Swish:
    """h = b·(2 - b·x·tanh(b·x/2))/(1 + cosh(b·x)), of the SignSwish (BNN+, arXiv:1812.11800, equation 4).

    Attributes:
        sharpness: b.
    """

    sharpness: float = 5.0

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return f"swish({self.sharpness:g})"


@dataclass(frozen=True)
class Ede:
    """h = k·t·(1 - tanh²(t·x)), k = max(1/t, 1): error decay (IR-Net, arXiv:1909.10788, equation 9)."""

    schedule: Schedule = field(default_factory=lambda: Schedule(0.1, 10.0))

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return f"EDE({self.schedule})"


@dataclass(frozen=True)
class Iee:
    """h = k·max(0, √3·t - 1.5·t²·|x|), k = max(1/t, 1): the information-enhanced estimator of IE-Net.

    Source: Ding, Liu, Zhou, "IE-Net", Electronics 11(6):937, 2022, as its authors' code has it.

    Attributes:
        schedule: Of t.
        least: t is at least this: 1 for activations, so that k is 1.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(0.01, 10.0))
    least: float = 0.0

    verdict: ClassVar[Verdict] = IN_TRAINING

    def __str__(self) -> str:
        return f"IEE({self.schedule}{f', at least {self.least:g}' if self.least else ''})"


CLIP = Clip()

Estimator = Identity | Clip | Polynomial | Swish | Ede | Iee
ESTIMATORS: tuple[Estimator, ...] = (Identity(), Clip(), Polynomial(), Swish(), Ede(), Iee())
"""One of each, in the order in which they were published."""
