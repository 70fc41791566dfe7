"""What becomes of a part of a method at inference: nothing, a unit that there is, or what there is none for."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["H1", "H2", "H3"]
"""H1 costs nothing at inference, H2 takes a unit that there is, H3 takes what hardware does not have."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a part at inference.

    Attributes:
        kind: "H1", "H2" or "H3".
        says: Where its numbers go, the unit that it takes, or the operation that there is none for; no sentence's end.
        instead: Of "H3", what to put in its place.
    """

    kind: Kind
    says: str
    instead: str = ""


IN_TRAINING = Verdict("H1", "stands in the training alone")
"""Of parts that only say how gradients flow."""
