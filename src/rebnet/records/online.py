"""online.json: factors that each image computes for itself, against trained ones."""

from typing import Annotated

from rebnet.records.form import Length, number
from rebnet.records.kinds import (
    MAX_LEVELS,
    Count,
    DatasetName,
    Hashes,
    Levels,
    Name,
    Percent,
    Positive,
    check_share,
)
from rebnet.records.record import Record, form
from rebnet.records.request import Request


@form
class OnlineLayer(Record):
    """What the factors of one layer would be, and what hardware they would take."""

    name: Name | None = None
    values_: Positive | None = None
    held_bits: Count
    additions: Count
    multiplications: Count
    passes: Levels | None = None
    online_mean: Annotated[tuple[float, ...], Length(1, MAX_LEVELS)] | None = None
    online_deviation: Annotated[tuple[Annotated[float, number(0)], ...], Length(1, MAX_LEVELS)] | None = None


@form
class Online(Record):
    """online.json: factors of each image's own against trained ones; accuracies in percent.

    `labels`: how many were judged, where images have maps of them.
    """

    FILE = "online.json"

    inputs: Hashes | None = None
    dataset: DatasetName
    images: Positive
    labels: Positive | None = None
    levels: Levels
    trained_accuracy: Percent
    online_accuracy: Percent
    online_accuracy_norms_kept: Percent | None = None
    layers: Annotated[tuple[OnlineLayer, ...], Length(0, 10_000)]
    request: Request | None = None

    def check(self) -> None:
        """See `Record`."""
        for key in ("trained_accuracy", "online_accuracy"):
            check_share(key, getattr(self, key), self.labels or self.images)
