"""What `evaluate` says of a network that answers elsewhere, beside the integer network here; no file holds it."""

from typing import Annotated

from rebnet.records.form import number
from rebnet.records.kinds import Count, DatasetName, Error, Levels, Percent, Positive, check_one_of
from rebnet.records.record import Record, form


@form
class Elsewhere(Record):
    """What a connection answers; accuracy in percent, or the root of the mean squared error of a regression.

    `labels` is how many were judged, where images have maps of them. `labels_differing` counts the labels, or the
    values of a regression in `values_differing`, that are not those of the integer network on this processor.
    `images_per_second` is what this connection took, without its start.
    """

    where: str
    dataset: DatasetName
    images: Positive
    labels: Positive | None = None
    levels: Levels
    accuracy: Percent | None = None
    error: Error | None = None
    labels_differing: Count | None = None
    values_differing: Count | None = None
    images_per_second: Annotated[float, number(0, above=True)]

    @property
    def differing(self) -> int:
        """Labels or values that differ."""
        return (self.labels_differing or 0) + (self.values_differing or 0)

    def check(self) -> None:
        """See `Record`."""
        check_one_of("accuracy", "error", self)
        check_one_of("labels_differing", "values_differing", self)
