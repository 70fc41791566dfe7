"""How activations are binarized: threshold, planes, scale and offset, each an argument of `Activation`."""

from dataclasses import dataclass, replace
from typing import Literal

from rebnet.errors import OptionError
from rebnet.methods.estimators import CLIP, Estimator
from rebnet.methods.verdict import Verdict

Per = Literal["layer", "channel"]
"""What has a number of its own."""


@dataclass(frozen=True)
class Learned:
    """A trained number.

    Attributes:
        per: One a layer, or one a channel.
        first: What it starts from.
    """

    per: Per
    first: float = 0.0

    def __str__(self) -> str:
        return f"learned a {self.per}"


@dataclass(frozen=True)
class Dynamic:
    """Thresholds of every image by itself: two dense layers make them of the channels' means.

    Source: DyBNN (arXiv:2110.05185), whose hyper function this is.

    Attributes:
        reduction: The first dense layer has 1/reduction as many outputs as there are channels, at least 1.
    """

    reduction: int = 16

    def __str__(self) -> str:
        return f"of each image, by two dense layers (1/{self.reduction})"


@dataclass(frozen=True)
class Residual:
    """M planes, each the sign of what those before it left over, with trained factors; M is the number of levels.

    Source: ReBNet (arXiv:1711.01243), Algorithm 1. One level is one sign.
    """

    def __str__(self) -> str:
        return "M levels"


@dataclass(frozen=True)
class Uniform:
    """k bits, evenly spaced: the nearest of 2^k numbers, ties up; k is the number of levels.

    A residual code whose factors are fixed, each twice the next.
    """

    def __str__(self) -> str:
        return "k bits, evenly spaced"


@dataclass(frozen=True)
class Parallel:
    """Several codes of the same features, each behind a BatchNorm of its own, added: a layer's weights see all of them.

    Each has M levels. Their factors train, and become powers of two of each other.

    Attributes:
        count: How many.
        spread: BatchNorm's biases start evenly from -spread to spread, as otherwise all would be the same.
        later: What the factors of all but the first start from.
    """

    count: int = 2
    spread: float = 0.25
    later: float = 0.125

    def __str__(self) -> str:
        return f"{self.count} codes of M levels, thresholds of their own"


@dataclass(frozen=True)
class Real:
    """No binarization: ReLU, and real numbers behind it."""

    def __str__(self) -> str:
        return "real, ReLU"


Planes = Residual | Uniform | Parallel | Real


@dataclass(frozen=True)
class Activation:
    """How activations are binarized, behind BatchNorm.

    Forward, with threshold t and scale a: e = a·E((x - t)/a) + t if `about_threshold`, else e = a·E((x - t)/a), and E
    the code of the planes: -1 or 1 of one level.

    Attributes:
        planes: What a code is.
        threshold: t; a number, trained, or of each image.
        scale: a; a number, or trained.
        about_threshold: Whether codes stand about t (AdaBin's {b - a, b + a}), or about 0.
        estimator: What stands in for the slope of each sign.
    """

    planes: Planes = Residual()
    threshold: float | Learned | Dynamic = 0.0
    scale: float | Learned = 1.0
    about_threshold: bool = False
    estimator: Estimator = CLIP

    def __post_init__(self) -> None:
        if isinstance(self.scale, Learned) and self.scale.per != "layer":
            raise OptionError(f"scale={self.scale}: what reads codes counts one unit; learn one scale a layer")
        if isinstance(self.threshold, Dynamic) and self.about_threshold:
            raise OptionError("about_threshold: codes of every image would have an offset of its own; leave it out")

    @property
    def is_plain(self) -> bool:
        """Whether it is what stands behind BatchNorm in ReBNet, whatever its estimator and how often."""
        planes = Residual() if isinstance(self.planes, Parallel) else self.planes
        return replace(self, planes=planes, estimator=CLIP) == Activation()

    @property
    def verdicts(self) -> tuple[tuple[str, str, Verdict], ...]:
        """Name, text and verdict of each part that there is."""
        return (
            ("planes", str(self.planes), _of_planes(self.planes)),
            ("threshold", _text(self.threshold), _of_threshold(self.threshold)),
            ("scale", _text(self.scale), Verdict("H1", "goes into the codes' factors")),
            (
                "offset",
                "the threshold" if self.about_threshold else "0",
                Verdict("H1", "is a constant of each sum, which BatchNorm's mean takes away"),
            ),
            ("estimator", str(self.estimator), self.estimator.verdict),
        )


def _of_planes(planes: Planes) -> Verdict:
    match planes:
        case Residual():
            return Verdict("H1", "one level is a threshold a channel, M are a code of M bits")
        case Parallel():
            return Verdict("H2", "takes an encoder for each code, and planes side by side, which add up in the layer")
        case Uniform():
            return Verdict("H1", "are a code of k bits whose factors are each twice the next")
    return Verdict(
        "H3",
        "multiplies with real activations",
        "binarize activations too: Activation(planes=Residual())",
    )


def _of_threshold(threshold: float | Learned | Dynamic) -> Verdict:
    if isinstance(threshold, Dynamic):
        return Verdict(
            "H3",
            "computes thresholds of every image by two dense layers of real numbers",
            "learn them once for all images: threshold=Learned('channel')",
        )
    return Verdict("H1", "goes into BatchNorm's bias, and with it into the threshold of a channel")


def _text(number: float | Learned | Dynamic) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)
