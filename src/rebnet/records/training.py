"""training.json: how a network was trained, what it learned, and what every training before it was."""

from typing import Annotated, Optional

from rebnet.records.form import Length, number, text, whole
from rebnet.records.kinds import (
    MAX_LEVELS,
    DatasetName,
    EachM,
    Error,
    ErrorsOfEachM,
    Hashes,
    Name,
    NetworkText,
    Percent,
    Positive,
    check_one_of,
)
from rebnet.records.record import ABSENT, Absent, Record, form
from rebnet.records.request import Request

Seed = Annotated[int, whole(0, 2**64)]
LevelsOrFloat = Annotated[int, whole(0, MAX_LEVELS)]
"""0 is a float network."""
GainBits = Annotated[int, whole(0, 64)]
InputBits = Annotated[int, whole(1, 8)]
Gammas = Annotated[tuple[float | Annotated[tuple[float, ...], Length(0)], ...], Length(0, MAX_LEVELS)]
"""The factors of a layer, or of an any-level network those for each m."""


@form
class ToldRecipe(Record):
    """The recipe, whole; `rebnet.train.recipe` knows all of its keys, others ask for these."""

    validation_fraction: Annotated[float, number(0, 1)] | None = None
    epochs: Positive | None = None
    batch_size: Positive | None = None


@form
class Told(Record):
    """What a record says of another training that it started or learned from; older records say less."""

    network: NetworkText | None = None
    dataset: DatasetName | None = None
    levels: LevelsOrFloat | None = None
    any_levels: bool | None = None
    input_bits: InputBits | None = None
    seed: Seed | None = None
    epochs: Positive | None = None
    recipe: ToldRecipe | None = None
    gain_bits: GainBits | None = None
    start_from: Optional["Told"] = None
    teacher: Optional["Told"] = None


@form
class Epoch(Record):
    """One entry of the learning curve; of a regression, an error in the place of the accuracy."""

    epoch: Positive
    loss: float | None = None
    validation_accuracy: Percent | None = None
    validation_accuracies: EachM | None = None
    validation_error: Error | None = None
    validation_errors: ErrorsOfEachM | None = None
    learning_rate: float | None = None

    @property
    def judged(self) -> float:
        """The accuracy on the validation images, or the error."""
        value = self.validation_accuracy if self.validation_error is None else self.validation_error
        assert value is not None
        return value


@form
class Training(Record):
    """training.json: how a network was trained, and what it learned; of a regression, errors in place of accuracies."""

    FILE = "training.json"

    network: NetworkText
    dataset: DatasetName
    recipe: ToldRecipe | None = None
    levels: LevelsOrFloat
    any_levels: bool | None = None
    input_bits: InputBits | None = None
    seed: Seed | None = None
    epochs: Positive | None = None
    start_from: Told | Absent | None = ABSENT
    teacher: Told | Absent | None = ABSENT
    device: Name | None = None
    processes: Positive | None = None
    gain_bits: GainBits | None = None
    curve: Annotated[tuple[Epoch, ...], Length(1)] | None = None
    test_accuracy: Percent | None = None
    test_accuracies: EachM | None = None
    validation_accuracy: Percent | None = None
    validation_accuracies: EachM | None = None
    test_error: Error | None = None
    test_errors: ErrorsOfEachM | None = None
    validation_error: Error | None = None
    validation_errors: ErrorsOfEachM | None = None
    gammas: Annotated[tuple[Gammas, ...], Length(0, 10_000)] | None = None
    class_names: Annotated[tuple[Annotated[str, text()], ...], Length(1, 65_536)] | None = None
    processor: Name | None = None
    instructions: Name | None = None
    threads: Positive | None = None
    torch: Name | None = None
    compiled: bool | None = None
    request: Request | None = None
    inputs: Hashes | None = None

    @property
    def told(self) -> Told:
        """What the record of a training that starts or learns from this one says of it."""
        return self._part(Told)

    def check(self) -> None:
        """See `Record`."""
        check_one_of("test_accuracy", "test_error", self)
        for place, entry in enumerate(self.curve or ()):
            key = "validation_accuracy" if self.test_error is None else "validation_error"
            if key not in entry:
                legal = "a number from 0 to 100" if self.test_error is None else "a number of at least 0"
                raise ValueError(f"key 'curve[{place}].{key}' is missing, it must hold {legal}")
        epochs = [entry.epoch for entry in self.curve or ()]
        if epochs != list(range(1, len(epochs) + 1)):
            raise ValueError("key 'curve' does not count its epochs 1, 2, 3 and so on")
        if self.epochs is not None and len(epochs) > self.epochs:
            raise ValueError(f"key 'curve' holds {len(epochs)} entries, key 'epochs' {self.epochs}")
        for key, own in (
            ("test_accuracies", self.test_accuracies),
            ("validation_accuracies", self.validation_accuracies),
            ("test_errors", self.test_errors),
            ("validation_errors", self.validation_errors),
        ):
            if own is not None and len(own) != self.levels:
                raise ValueError(
                    f"key {key!r} holds {len(own)} entries, it must hold one for each of {self.levels} levels"
                )
