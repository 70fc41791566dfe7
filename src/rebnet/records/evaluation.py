"""evaluation.json: the integer network over the test set, beside the float one."""

from typing import Annotated

from rebnet.choices import Engine
from rebnet.records.form import Length, number, text, whole
from rebnet.records.kinds import (
    ACCURACY_DIGITS,
    Count,
    DatasetName,
    Error,
    Hashes,
    Levels,
    Percent,
    Positive,
    check_most,
    check_one_of,
    check_share,
)
from rebnet.records.record import Record, form
from rebnet.records.request import Request

_MOST_CLASSES = 2**20
_OF_FLOAT = ("float_accuracy", "float_error", "most_difference", "labels_differing", "labels_differing_float32")
"""What is told of the float network."""
Label = Annotated[int, whole(0, _MOST_CLASSES)]
OfClasses = Annotated[tuple[Count, ...], Length(1, _MOST_CLASSES)]
OfUnions = Annotated[tuple[Percent | None, ...], Length(1, _MOST_CLASSES)]
Side = Annotated[int, whole(1, 64)]


@form
class Confusion(Record):
    """How many images of the one class were taken for the other."""

    label: Label
    prediction: Label
    images: Positive


@form
class Wrong(Record):
    """An image that was taken for another class, by how much of a lead."""

    index: Count
    label: Label
    prediction: Label
    lead: Count


Classes = Annotated[int, whole(1, _MOST_CLASSES)]
ClassNames = Annotated[tuple[Annotated[str, text()], ...], Length(0, _MOST_CLASSES)]
Confusions = Annotated[tuple[Confusion, ...], Length(0, 1000)]
WrongImages = Annotated[tuple[Wrong, ...], Length(0, 1000)]


@form
class Mistakes(Record):
    """Counts class by class, the most frequent confusions, and the worst images.

    Of label maps, `class_iou` is the intersection over union of each class in percent, None where neither labels nor
    predictions have it; `mean_iou` is the mean of the others. What counts images elsewhere counts places there, and
    there are no `wrong` images.
    """

    classes: Classes
    class_names: ClassNames
    class_images: OfClasses
    class_correct: OfClasses
    class_iou: OfUnions | None = None
    mean_iou: Percent | None = None
    confusions: Confusions
    confusions_left_out: Count
    wrong: WrongImages | None = None


@form
class Pictures(Record):
    """The picture of wrong images side by side."""

    file: str | None = None
    sha256: Annotated[str, text(200)]
    columns: Side
    width: Side
    height: Side


@form
class Answered(Record):
    """What the integer network answers; accuracy in percent.

    `labels`: how many were judged, where images have maps of them; accuracy and counts of classes are of these. Of a
    regression, `error` is the root of the mean squared error of all values.
    """

    inputs: Hashes | None = None
    dataset: DatasetName
    engine: Engine
    images: Positive
    labels: Positive | None = None
    levels: Levels
    accuracy: Percent | None = None
    error: Error | None = None
    images_per_second: Annotated[float, number(0, above=True)] | None = None


@form
class Evaluation(Answered):
    """evaluation.json: what the integer network answers, and the float one.

    `most_difference` is the largest difference of a value of a regression between the two. Where the float network was
    left out, nothing is told of it.
    """

    FILE = "evaluation.json"

    float_accuracy: Percent | None = None
    float_error: Error | None = None
    most_difference: Error | None = None
    labels_differing: Count | None = None
    labels_differing_float32: Count | None = None
    mismatches: Count | None = None
    classes: Classes | None = None
    class_names: ClassNames | None = None
    class_images: OfClasses | None = None
    class_correct: OfClasses | None = None
    class_iou: OfUnions | None = None
    mean_iou: Percent | None = None
    confusions: Confusions | None = None
    confusions_left_out: Count | None = None
    wrong: WrongImages | None = None
    pictures: Pictures | None = None
    request: Request | None = None

    @property
    def judged(self) -> int:
        """Labels that were judged: one an image, or those of its map."""
        return self.labels or self.images

    @property
    def mistakes(self) -> Mistakes | None:
        """What is told class by class; None where nothing is."""
        return None if self.classes is None else self._part(Mistakes)

    def check(self) -> None:
        """See `Record`."""
        check_one_of("accuracy", "error", self)
        if any(key in self for key in _OF_FLOAT):
            check_one_of("float_accuracy", "float_error", self)
            check_one_of("accuracy", "float_error", self)
        for key in ("accuracy", "float_accuracy"):
            check_share(key, getattr(self, key) or 0.0, self.judged)
        if self.labels is None:
            for key in ("labels_differing", "labels_differing_float32"):
                check_most(key, getattr(self, key) or 0, self.images, "the images")
        check_most("mismatches", self.mismatches or 0, self.images, "the images")
        if self.classes is not None:
            self._check_classes(self.classes)

    def _check_classes(self, count: int) -> None:
        """Counts class by class are all there, of as many classes, and add up to the accuracy."""
        needed = ["class_names", "class_images", "class_correct", "confusions", "confusions_left_out"]
        for key in (*needed, *(("wrong",) if self.labels is None else ("class_iou", "mean_iou"))):
            if key not in self:
                raise ValueError(f"key {key!r} is missing though key 'classes' is there")
        names, of_class, correct = self.class_names or (), self.class_images or (), self.class_correct or ()
        for key, own, lengths in (
            ("class_images", of_class, (count,)),
            ("class_correct", correct, (count,)),
            ("class_names", names, (0, count)),
        ):
            if len(own) not in lengths:
                raise ValueError(f"key {key!r} holds {len(own)} entries, it must hold one for each of {count} classes")
        for place, (right, all_) in enumerate(zip(correct, of_class, strict=True)):
            check_most(f"class_correct[{place}]", right, all_, "the images of the class")
        ends: list[tuple[str, Confusion | Wrong]] = [
            *((f"confusions[{place}]", pair) for place, pair in enumerate(self.confusions or ())),
            *((f"wrong[{place}]", image) for place, image in enumerate(self.wrong or ())),
        ]
        for where, end in ends:
            check_most(f"{where}.label", end.label, count - 1, "the last class")
            check_most(f"{where}.prediction", end.prediction, count - 1, "the last class")
        wrong = sum(pair.images for pair in self.confusions or ()) + (self.confusions_left_out or 0)
        what = "images" if self.labels is None else "labels"
        if sum(of_class) != self.judged or wrong + sum(correct) != self.judged:
            raise ValueError(
                f"key 'class_images' and the others of classes do not add up to the {self.judged:,} {what}"
            )
        if round(100 * sum(correct) / self.judged, 4) != self.accuracy:
            raise ValueError(
                f"key 'accuracy' holds {self.accuracy}, key 'class_correct' {sum(correct):,} of {self.judged:,} {what}"
            )
        if self.labels is not None:
            self._check_unions(count, of_class, correct)

    def _check_unions(self, count: int, of_class: tuple[int, ...], correct: tuple[int, ...]) -> None:
        """Intersections over unions are one a class, and none is more than its class allows."""
        unions = self.class_iou or ()
        if len(unions) != count:
            raise ValueError(
                f"key 'class_iou' holds {len(unions)} entries, it must hold one for each of {count} classes"
            )
        for place, (share, right, all_) in enumerate(zip(unions, correct, of_class, strict=True)):
            if share is not None:
                check_most(
                    f"class_iou[{place}]", share, round(100 * right / all_, 4) if all_ else 0, "the class's accuracy"
                )
        known = [share for share in unions if share is not None]
        mean = round(sum(known) / len(known), 4) if known else 0.0
        if abs((self.mean_iou or 0.0) - mean) > 2 * ACCURACY_DIGITS:
            raise ValueError(f"key 'mean_iou' holds {self.mean_iou}, the mean of key 'class_iou' is {mean}")
