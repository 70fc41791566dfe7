"""adaptive.json: few levels for the images that are clear, more for the others."""

from typing import Annotated

from rebnet.records.form import Length, number
from rebnet.records.kinds import (
    MAX_LEVELS,
    Cycles,
    DatasetName,
    EachM,
    Hashes,
    Levels,
    Percent,
    Positive,
    check_share,
)
from rebnet.records.record import Record, form
from rebnet.records.request import Request

Relative = Annotated[float, number(0, 2**53)]


@form
class Rung(Record):
    """A level count of the ladder, alone."""

    levels: Levels
    cycles: Positive
    validation_accuracy: Percent | None = None
    test_accuracy: Percent


@form
class Point(Record):
    """What some thresholds give; a threshold of null leaves the rung out."""

    thresholds: Annotated[tuple[int | None, ...], Length(1, MAX_LEVELS)]
    validation_accuracy: Percent | None = None
    validation_cycles: Cycles | None = None
    validation_answered: EachM | None = None
    test_accuracy: Percent
    test_cycles: Cycles
    test_answered: EachM
    test_loss: Annotated[float, number(-100, 100)] | None = None
    test_cycles_to_first: Relative | None = None
    test_cycles_to_last: Relative | None = None


@form
class Adaptive(Record):
    """adaptive.json: a ladder of level counts, and what it gives."""

    FILE = "adaptive.json"

    inputs: Hashes | None = None
    dataset: DatasetName | None = None
    ladder: Annotated[tuple[Levels, ...], Length(2, MAX_LEVELS)]
    max_loss: Percent
    validation_images: Positive | None = None
    test_images: Positive
    rungs: Annotated[tuple[Rung, ...], Length(2, MAX_LEVELS)]
    operating_point: Point
    curve: Annotated[tuple[Point, ...], Length(1)]
    request: Request | None = None

    def check(self) -> None:
        """See `Record`."""
        if tuple(rung.levels for rung in self.rungs) != self.ladder:
            raise ValueError(f"key 'rungs' is not of the levels {list(self.ladder)} that key 'ladder' holds")
        points = [("operating_point", self.operating_point)]
        points += [(f"curve[{number}]", point) for number, point in enumerate(self.curve)]
        many = len(self.ladder)
        for place, point in points:
            check_share(f"{place}.test_accuracy", point.test_accuracy, self.test_images)
            for key, own, length in (
                ("thresholds", len(point.thresholds), many - 1),
                ("test_answered", len(point.test_answered), many),
            ):
                if own != length:
                    raise ValueError(f"key '{place}.{key}' holds {own} entries; a ladder of {many} has {length}")
