"""The kinds of values that a record holds: each reads a value of JSON, or says in words what is legal.

A kind stands in the annotation of a field, such as `Annotated[int, Whole(1, 8)]`; `rebnet.records.record` makes the
kind of a field, and of a whole record, from the annotations. `read` raises `ValueError` with the key, what it holds and
what it must hold; `rebnet.records.read` adds the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Protocol

MOST = 2**53
"""The largest whole number of a record: every smaller one is exact in every reader of JSON."""
_SHOWN = 60


class Form(Protocol):
    """A kind of value."""

    @property
    def words(self) -> str:
        """What is legal, such as "a whole number from 1 to 8"."""
        ...

    def takes(self, value: object) -> bool:
        """Whether `value` is of the JSON type of this kind, be it legal or not."""
        ...

    def read(self, place: str, value: object) -> object:
        """The value as the field of a record has it; raise `ValueError` unless what stands at `place` is legal."""
        ...


def shown(value: object) -> str:
    """`value` as a message quotes it, cut where it is long."""
    text = repr(value) if not isinstance(value, str) or len(value) <= _SHOWN else repr(value[:_SHOWN] + "…")
    return text if len(text) <= _SHOWN + 4 else text[:_SHOWN] + "…"


def refusal(form: Form, place: str, value: object) -> ValueError:
    """What to raise for an illegal value."""
    return ValueError(f"key {place!r} holds {shown(value)}, it must hold {form.words}")


def _range(kind: str, least: float | None, most: float | None) -> str:
    if most is not None and least is not None:
        return f"{kind} from {least:,} to {most:,}"
    return kind if least is None else f"{kind} of at least {least:,}"


@dataclass(frozen=True)
class Whole:
    """A whole number; a boolean is none."""

    least: int = 0
    most: int = MOST

    @property
    def words(self) -> str:
        """What is legal."""
        return _range("a whole number", self.least, None if self.most == MOST else self.most)

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, int | float) and not isinstance(value, bool)

    def read(self, place: str, value: object) -> int:
        """See `Form`."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise refusal(self, place, value)
        return value


@dataclass(frozen=True)
class Number:
    """A finite number, whole or not."""

    least: float | None = None
    most: float | None = None
    above: bool = False
    """Whether `least` itself is refused."""

    @property
    def words(self) -> str:
        """What is legal."""
        return f"a number above {self.least:,}" if self.above else _range("a number", self.least, self.most)

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, int | float) and not isinstance(value, bool)

    def read(self, place: str, value: object) -> float:
        """See `Form`."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= 1e300:  # NaN is not
            raise refusal(self, place, value)
        low = self.least is not None and (value < self.least or (self.above and value == self.least))
        if low or (self.most is not None and value > self.most):
            raise refusal(self, place, value)
        return value


@dataclass(frozen=True)
class Text:
    """A text of at least one character; one of `choices` where there are any."""

    most: int = 1000
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What is legal."""
        if self.choices:
            return ", ".join(self.choices[:-1]) + " or " + self.choices[-1]
        return f"a text of 1 to {self.most:,} characters"

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, str)

    def read(self, place: str, value: object) -> str:
        """See `Form`."""
        if not isinstance(value, str) or not 0 < len(value) <= self.most or value not in (self.choices or (value,)):
            raise refusal(self, place, value)
        return value


@dataclass(frozen=True)
class Plain:
    """Any value of a Python type."""

    kind: type
    words: str

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, self.kind)

    def read(self, place: str, value: object) -> object:
        """See `Form`."""
        if not isinstance(value, self.kind):
            raise refusal(self, place, value)
        return value


FLAG = Plain(bool, "true or false")
NULL = Plain(NoneType, "null")
ANYTHING = Plain(object, "a value of JSON")


@dataclass(frozen=True)
class OneOf:
    """A value of one of several kinds, no two of the same JSON type."""

    forms: tuple[Form, ...]

    @property
    def words(self) -> str:
        """What is legal."""
        return ", or ".join(form.words for form in self.forms)

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return any(form.takes(value) for form in self.forms)

    def read(self, place: str, value: object) -> object:
        """See `Form`."""
        form = next((form for form in self.forms if form.takes(value)), None)
        if form is None:
            raise refusal(self, place, value)
        try:
            return form.read(place, value)
        except ValueError as error:
            raise error if isinstance(value, list | dict) else refusal(self, place, value) from None


@dataclass(frozen=True)
class Many:
    """A list, every entry of one kind; read as a tuple."""

    form: Form
    least: int = 0
    most: int = 100_000

    @property
    def words(self) -> str:
        """What is legal."""
        return f"a list of {self.least:,} to {self.most:,} entries"

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, list)

    def read(self, place: str, value: object) -> tuple[object, ...]:
        """See `Form`."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise refusal(self, place, value)
        return tuple(self.form.read(f"{place}[{number}]", entry) for number, entry in enumerate(value))


@dataclass(frozen=True)
class Length:
    """How many entries a list has; beside its annotation, as in `Annotated[tuple[int, ...], Length(1, 8)]`."""

    least: int = 0
    most: int = 100_000


@dataclass(frozen=True)
class Each:
    """An object whose keys are names: every value is of one kind."""

    form: Form

    @property
    def words(self) -> str:
        """What is legal."""
        return "an object"

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, dict)

    def read(self, place: str, value: object) -> Mapping[str, object]:
        """See `Form`."""
        if not isinstance(value, dict):
            raise refusal(self, place, value)
        return {name: self.form.read(f"{place}.{shown(name)[1:-1]}", entry) for name, entry in value.items()}


@dataclass(frozen=True)
class Options:
    """An object of what a verb was asked for: names of options, and texts, numbers, flags or lists of such."""

    words: str = "options by their names, each a text, a number, true, false, null or a list or an object of such"

    def takes(self, value: object) -> bool:
        """See `Form`."""
        return isinstance(value, dict)

    def read(self, place: str, value: object) -> Mapping[str, object]:
        """See `Form`."""
        named = isinstance(value, dict) and all(re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) for name in value)
        if not isinstance(value, dict) or not named or not all(_plain(entry, 1) for entry in value.values()):
            raise refusal(self, place, value)
        return value


def _plain(value: object, depth: int) -> bool:
    if isinstance(value, Mapping):
        return depth > 0 and all(_plain(entry, depth - 1) for entry in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return depth > 0 and all(_plain(entry, depth - 1) for entry in value)
    return value is None or isinstance(value, str | int | float)
