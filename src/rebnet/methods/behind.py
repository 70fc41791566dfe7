"""What stands behind the sums of a binarized layer: a scale of theirs, and a nonlinearity."""

from dataclasses import dataclass
from typing import ClassVar

from rebnet.methods.verdict import Verdict


@dataclass(frozen=True)
class KMap:
    """Sums times K, at every place the mean size of the real numbers whose signs its window counted.

    Source: XNOR-Net (arXiv:1603.05279), equation 11: K = A * k, A the mean of |x| over channels, k a box filter.
    """

    verdict: ClassVar[Verdict] = Verdict(
        "H3",
        "multiplies every sum by the mean size of the real numbers in its window",
        "leave the map out (scale=None), as the authors' own code does",
    )

    def __str__(self) -> str:
        return "K map"


@dataclass(frozen=True)
class PlaceScale:
    """Sums times a_c·b_i·g_j of channel, row and column, all trained.

    Source: XNOR-Net++ (arXiv:1909.13863), equation 8, case 4.
    """

    verdict: ClassVar[Verdict] = Verdict(
        "H3",
        "multiplies every place of a map by a number of its own, where a channel has one threshold",
        "learn one scale a channel: Weight(scale=LearnedScale('channel'))",
    )

    def __str__(self) -> str:
        return "of channel, row and column"


@dataclass(frozen=True)
class SqueezeExcite:
    """Sums times a gate of each image and channel, which two dense layers make of the means of the real features.

    Source: Real-to-Binary (arXiv:2003.11535), section 4.2.

    Attributes:
        reduction: The first dense layer has 1/reduction as many outputs as there are channels in front, at least 1.
    """

    reduction: int = 8

    verdict: ClassVar[Verdict] = Verdict(
        "H3",
        "multiplies every channel of every image by a gate, computed of real numbers",
        "learn one scale a channel: Weight(scale=LearnedScale('channel'))",
    )

    def __str__(self) -> str:
        return f"gate of each image (1/{self.reduction})"


PostScale = KMap | PlaceScale | SqueezeExcite | None


@dataclass(frozen=True)
class Bend:
    """Two slopes behind every layer but the last, or behind the sum that it ends in.

    Attributes:
        shifts: Whether there are shifts before and after, too: RPReLU (ReActNet, arXiv:2003.03488, equation 5).
    """

    shifts: bool = False

    verdict: ClassVar[Verdict] = Verdict("H2", "takes a two-slope unit, and features in front of it")

    def __str__(self) -> str:
        return "RPReLU" if self.shifts else "PReLU"


@dataclass(frozen=True)
class Maxout(Bend):
    """AdaBin's: a slope of its own on either side (arXiv:2208.08084, equation 14).

    The slope of positive features is held at 1: behind it stands BatchNorm, which cancels a factor, and the two-slope
    unit bends on one side.
    """

    def __str__(self) -> str:
        return "Maxout"


Nonlinearity = Bend | None
NO_SCALE = Verdict("H1", "is nothing")
"""Of a part that is left out."""
