"""evaluation.json: the integer network over the test set, beside the float one."""

from typing import Annotated

from rebnet.choices import Engine
from rebnet.records.form import Length, number, text, whole
from rebnet.records.kinds import Count, DatasetName, Hashes, Levels, Percent, Positive, check_most, check_share
from rebnet.records.record import Record, form
from rebnet.records.request import Request

_MOST_CLASSES = 2**20
Label = Annotated[int, whole(0, _MOST_CLASSES)]
OfClasses = Annotated[tuple[Count, ...], Length(1, _MOST_CLASSES)]
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
    """Counts class by class, the most frequent confusions, and the worst images."""

    classes: Classes
    class_names: ClassNames
    class_images: OfClasses
    class_correct: OfClasses
    confusions: Confusions
    confusions_left_out: Count
    wrong: WrongImages


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
    """What the integer network answers; accuracy in percent."""

    inputs: Hashes | None = None
    dataset: DatasetName
    engine: Engine
    images: Positive
    levels: Levels
    accuracy: Percent
    images_per_second: Annotated[float, number(0, above=True)] | None = None


@form
class Evaluation(Answered):
    """evaluation.json: what the integer network answers, and the float one."""

    FILE = "evaluation.json"

    float_accuracy: Percent
    labels_differing: Count | None = None
    labels_differing_float32: Count | None = None
    mismatches: Count | None = None
    classes: Classes | None = None
    class_names: ClassNames | None = None
    class_images: OfClasses | None = None
    class_correct: OfClasses | None = None
    confusions: Confusions | None = None
    confusions_left_out: Count | None = None
    wrong: WrongImages | None = None
    pictures: Pictures | None = None
    request: Request | None = None

    @property
    def mistakes(self) -> Mistakes | None:
        """What is told class by class; None where nothing is."""
        return None if self.classes is None else self._part(Mistakes)

    def check(self) -> None:
        """See `Record`."""
        check_share("accuracy", self.accuracy, self.images)
        check_share("float_accuracy", self.float_accuracy, self.images)
        check_most("labels_differing", self.labels_differing or 0, self.images, "the images")
        check_most("labels_differing_float32", self.labels_differing_float32 or 0, self.images, "the images")
        check_most("mismatches", self.mismatches or 0, self.images, "the images")
        if self.classes is not None:
            self._check_classes(self.classes)

    def _check_classes(self, count: int) -> None:
        """Counts class by class are all there, of as many classes, and add up to the accuracy."""
        for key in ("class_names", "class_images", "class_correct", "confusions", "confusions_left_out", "wrong"):
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
        if sum(of_class) != self.images or wrong + sum(correct) != self.images:
            raise ValueError(
                f"key 'class_images' and the others of classes do not add up to the {self.images:,} images"
            )
        if round(100 * sum(correct) / self.images, 4) != self.accuracy:
            raise ValueError(
                f"key 'accuracy' holds {self.accuracy}, key 'class_correct' {sum(correct):,} of {self.images:,} images"
            )
