"""How weights are binarized: what is done to latent weights, the sign, and the scale, each an argument of `Weight`."""

from dataclasses import dataclass
from typing import Literal

from rebnet.ir.architecture import ONE_BIT, Weights
from rebnet.methods.activations import Per
from rebnet.methods.estimators import CLIP, Estimator
from rebnet.methods.verdict import Verdict

Through = Literal["full", "scaled", "plain"]
"""Gradients past a scale a that is made of latent weights, w = a·s: "full" through s and a, "scaled" a·h·dL/dw with a
held, "plain" h·dL/dw."""


@dataclass(frozen=True)
class Sign:
    """+1 or -1, of 0 +1."""

    def __str__(self) -> str:
        return "sign"


@dataclass(frozen=True)
class Stochastic:
    """+1 with the chance min(max((w + 1)/2, 0), 1) in training, the sign behind it (BinaryConnect, section 2.3)."""

    def __str__(self) -> str:
        return "stochastic sign"


@dataclass(frozen=True)
class RealWeights:
    """The latent weights themselves."""

    def __str__(self) -> str:
        return "real"


To = Sign | Stochastic | RealWeights


@dataclass(frozen=True)
class MeanSize:
    """The mean of |w| (XNOR-Net, arXiv:1603.05279, equation 6).

    Attributes:
        per: Of a layer, or of each output channel.
        gradient: How gradients pass it.
    """

    per: Per = "channel"
    gradient: Through = "full"

    def __str__(self) -> str:
        return f"mean size of a {self.per}"


@dataclass(frozen=True)
class PowerOfTwo:
    """The power of two nearest, in the logarithm, to the mean of |w| (IR-Net, arXiv:1909.10788, equation 6)."""

    per: Per = "channel"

    def __str__(self) -> str:
        return f"power of two of a {self.per}"


@dataclass(frozen=True)
class Deviation:
    """The standard deviation of the latent weights of an output channel (AdaBin, arXiv:2208.08084, equation 6)."""

    def __str__(self) -> str:
        return "deviation of a channel"


@dataclass(frozen=True)
class LearnedScale:
    """A trained factor."""

    per: Per = "channel"

    def __str__(self) -> str:
        return f"learned a {self.per}"


Scale = MeanSize | PowerOfTwo | Deviation | LearnedScale | None


@dataclass(frozen=True)
class Weight:
    """How weights are binarized: w = scale·to(latent), and on top of it the mean of the latents where it is `kept`.

    Attributes:
        centred: Take the mean of an output's latents away first.
        standardized: Divide them by their standard deviation, too.
        to: What becomes of them.
        scale: What stands in front of the signs; None is 1, up to a power of two which BatchNorm cancels.
        about_mean: Add the mean again behind the sign: weights {b - a, b + a} (AdaBin).
        planes: Planes of more than one bit, which the network text then says; the other arguments then play no part.
        estimator: What stands in for the slope of the sign.
    """

    centred: bool = False
    standardized: bool = False
    to: To = Sign()
    scale: Scale = None
    about_mean: bool = False
    planes: Weights = ONE_BIT
    estimator: Estimator = CLIP

    @property
    def is_plain(self) -> bool:
        """Whether it is what layers have of themselves: one power of two, and the sign with "clip"."""
        return self == Weight(planes=self.planes)

    @property
    def has_size(self) -> bool:
        """Whether the weights have the size of the latents, and not that of signs."""
        return isinstance(self.scale, Deviation) or (isinstance(self.scale, MeanSize) and not self.standardized)

    @property
    def verdicts(self) -> tuple[tuple[str, str, Verdict], ...]:
        """Name, text and verdict of each part that there is."""
        latents = ", ".join(
            word for word, said in (("centred", self.centred), ("standardized", self.standardized)) if said
        )
        return (
            ("latents", latents or "as they are", Verdict("H1", "says which sign a weight has, and no more")),
            ("values", str(self.to) if self.planes == ONE_BIT else f"planes {self.planes}", self._of_values()),
            (
                "scale",
                "1" if self.scale is None else str(self.scale),
                Verdict("H1", "is a factor of each sum, which goes into BatchNorm"),
            ),
            ("offset", "mean of the latents" if self._has_offset else "0", self._of_offset()),
            ("estimator", str(self.estimator), self.estimator.verdict),
        )

    def _of_values(self) -> Verdict:
        if self.planes != ONE_BIT:
            return Verdict("H2", "takes as many planes of weights")
        if isinstance(self.to, RealWeights):
            return Verdict("H3", "multiplies with real weights", "binarize them: Weight(to=Sign())")
        return Verdict("H1", "is a bit")

    @property
    def _has_offset(self) -> bool:
        """Whether signs stand about the mean: planes and real weights have none."""
        return self.about_mean and self.planes == ONE_BIT and not isinstance(self.to, RealWeights)

    def _of_offset(self) -> Verdict:
        if self._has_offset:
            return Verdict(
                "H3",
                "adds the sum of each window's activations times a real number of its own to every output",
                "leave the mean out: Weight(about_mean=False)",
            )
        return Verdict("H1", "is nothing")
