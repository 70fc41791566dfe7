"""Kinds of values that several records hold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from rebnet.records.form import Length, number, text, whole
from rebnet.records.record import ABSENT, Absent, Record, form

MAX_LEVELS = 8
RESOURCES = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")
"""Keys of resources, wherever a record holds them."""

Count = Annotated[int, whole()]
Positive = Annotated[int, whole(1)]
Levels = Annotated[int, whole(1, MAX_LEVELS)]
Bits = Annotated[int, whole(1, 64)]
Percent = Annotated[float, number(0, 100)]
Share = Annotated[float, number(0, 100, above=True)]
"""Percent of a device that may be taken."""
Amount = Annotated[float, number(0, 10**12)]
Cycles = Annotated[float, number(1, 2**53)]
"""Cycles on average."""
Name = Annotated[str, text(255)]
Path = Annotated[str, text(4096)]
NetworkText = Annotated[str, text(100_000)]
DatasetName = Annotated[str, text(10_000)]  # npz:FILE
Hashes = Mapping[str, Annotated[str, text(200)]]
Error = Annotated[float, number(0)]
"""Root of a mean squared error, in units of the targets."""
EachM = Annotated[tuple[Percent, ...], Length(1, MAX_LEVELS)]
"""One for each of 1 … M levels."""
ErrorsOfEachM = Annotated[tuple[Error, ...], Length(1, MAX_LEVELS)]


def check_one_of(accuracy: str, error: str, record: Record) -> None:
    """Raise `ValueError` unless a record has an accuracy, or the error of a regression, and not both."""
    if (accuracy in record) == (error in record):
        if accuracy in record:
            raise ValueError(f"keys {accuracy!r} and {error!r} do not stand together")
        raise ValueError(f"key {accuracy!r} is missing, it must hold a number from 0 to 100")


@form
class Counts(Record):
    """Resources of a device, by their keys; `LC`, logic cells as Yosys estimates them, where it does."""

    LUT: Amount
    FF: Amount
    BRAM_36K: Amount
    BRAM_18K: Amount
    DSP: Amount
    LC: Amount | Absent | None = ABSENT

    @property
    def bram(self) -> float:
        """Block RAMs of 36 kbit, two of 18 kbit counted as one."""
        return self.BRAM_36K + self.BRAM_18K / 2


@form
class Module(Record):
    """What a module takes; `count` times where it says so, and the modules in it."""

    name: Name | None = None
    module: Name | None = None
    count: Count | None = None
    LUT: Amount
    FF: Amount
    BRAM_36K: Amount
    BRAM_18K: Amount
    DSP: Amount
    LC: Amount | Absent | None = ABSENT
    parts: tuple["Module", ...] | None = None


Modules = tuple[Module, ...] | Mapping[str, Module]


def listed(modules: Modules | None) -> tuple[Module, ...]:
    """The modules one by one; those of a record that has them by their names too."""
    if isinstance(modules, Mapping):
        return tuple(replace(module, name=module.name or name) for name, module in modules.items())
    return modules or ()


ACCURACY_DIGITS = 5.1e-5
"""Accuracies are rounded to four digits behind the point."""


def check_share(place: str, percent: float, images: int) -> None:
    """Raise `ValueError` unless a percentage of images is that of a whole number of them."""
    nearest = 100 * round(percent * images / 100) / images
    if abs(percent - nearest) > ACCURACY_DIGITS:
        raise ValueError(
            f"key {place!r} holds {percent}, which is not the share of a whole number of {images:,} images; the "
            f"nearest is {nearest:.4f}"
        )


def check_most(place: str, value: float, most: float, what: str) -> None:
    """Raise `ValueError` where a value is more than what it counts a part of."""
    if value > most:
        raise ValueError(f"key {place!r} holds {value:,}, it must hold at most {most:,}, {what}")
