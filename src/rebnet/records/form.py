"""What a record must hold, as data: kinds of values that check themselves and say in words what is legal.

A form is a value of one of the classes below; forms are put together like the JSON that they describe. `check` raises
`ValueError` with the key, what it holds and what it must hold; `rebnet.records.read` adds the file.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST = 2**53
"""The largest whole number of a record: every smaller one is exact in every reader of JSON."""
_SHOWN = 60


class Form(Protocol):
    """A kind of value."""

    @property
    def words(self) -> str:
        """What is legal, such as "a whole number from 1 to 8"."""
        ...

    def check(self, place: str, value: Any) -> None:
        """Raise `ValueError` unless `value`, which stands at `place`, is legal."""
        ...


def shown(value: object) -> str:
    """`value` as a message quotes it, cut where it is long."""
    text = repr(value) if not isinstance(value, str) or len(value) <= _SHOWN else repr(value[:_SHOWN] + "…")
    return text if len(text) <= _SHOWN + 4 else text[:_SHOWN] + "…"


def _refuse(form: Form, place: str, value: object) -> ValueError:
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

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise _refuse(self, place, value)


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

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
            raise _refuse(self, place, value)
        low = self.least is not None and (value < self.least or (self.above and value == self.least))
        if low or (self.most is not None and value > self.most) or not math.isfinite(value):
            raise _refuse(self, place, value)


@dataclass(frozen=True)
class Text:
    """A text of at least one character; one of `choices` where there are any."""

    most: int = 1000
    choices: tuple[str, ...] = ()
    empty: bool = False

    @property
    def words(self) -> str:
        """What is legal."""
        if self.choices:
            return ", ".join(self.choices[:-1]) + " or " + self.choices[-1]
        return f"a text of {0 if self.empty else 1} to {self.most:,} characters"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        fine = isinstance(value, str) and (self.empty or value) and len(value) <= self.most
        if not fine or (self.choices and value not in self.choices):
            raise _refuse(self, place, value)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    words: str = "true or false"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, bool):
            raise _refuse(self, place, value)


@dataclass(frozen=True)
class Maybe:
    """A form, or null."""

    form: Form

    @property
    def words(self) -> str:
        """What is legal."""
        return f"{self.form.words}, or null"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if value is None:
            return
        simple = isinstance(self.form, Whole | Number | Text | Flag)
        try:
            self.form.check(place, value)
        except ValueError as error:
            raise _refuse(self, place, value) if simple else error from None


@dataclass(frozen=True)
class Many:
    """A list, every entry of one form."""

    form: Form
    least: int = 0
    most: int = 100_000

    @property
    def words(self) -> str:
        """What is legal."""
        return f"a list of {self.least:,} to {self.most:,} entries"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise _refuse(self, place, value)
        for number, entry in enumerate(value):
            self.form.check(f"{place}[{number}]", entry)


@dataclass(frozen=True)
class Each:
    """An object whose keys are names: every value is of one form."""

    form: Form

    @property
    def words(self) -> str:
        """What is legal."""
        return "an object"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, dict):
            raise _refuse(self, place, value)
        for name, entry in value.items():
            self.form.check(f"{place}.{shown(name)[1:-1]}", entry)


@dataclass(frozen=True)
class Either:
    """A list or an object, of which each has a form."""

    listed: Many
    named: Each

    @property
    def words(self) -> str:
        """What is legal."""
        return "a list or an object"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        if not isinstance(value, list | dict):
            raise _refuse(self, place, value)
        (self.listed if isinstance(value, list) else self.named).check(place, value)


@dataclass(frozen=True)
class Nested:
    """A form, or a list of it."""

    form: Form

    @property
    def words(self) -> str:
        """What is legal."""
        return f"{self.form.words}, or a list or an object of such"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        (Many(self.form) if isinstance(value, list) else self.form).check(place, value)


@dataclass(frozen=True)
class Options:
    """An object of what a verb was asked for: names of options, and texts, numbers, flags or lists of such."""

    words: str = "options by their names, each a text, a number, true, false, null or a list or an object of such"

    def check(self, place: str, value: Any) -> None:
        """See `Form`."""
        named = isinstance(value, dict) and all(re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) for name in value)
        if not named or not all(self._plain(entry, 1) for entry in value.values()):
            raise _refuse(self, place, value)

    def _plain(self, value: Any, depth: int) -> bool:
        if isinstance(value, list):
            return depth > 0 and all(self._plain(entry, depth - 1) for entry in value)
        if isinstance(value, dict):
            return depth > 0 and all(self._plain(entry, depth - 1) for entry in value.values())
        return value is None or isinstance(value, str | int | float)


@dataclass(frozen=True)
class Keys:
    """An object with these keys; other keys are let through, so that a newer record can say more."""

    must: Mapping[str, Form] = field(default_factory=dict)
    may: Mapping[str, Form] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is legal."""
        return "an object"

    def check(self, place: str, value: Any) -> None:
        """See `Form`; `place` is empty for a whole record."""
        if not isinstance(value, dict):
            raise _refuse(self, place, value)
        for key, form in {**self.must, **self.may}.items():
            name = f"{place}.{key}" if place else key
            if key in value:
                form.check(name, value[key])
            elif key in self.must:
                raise ValueError(f"key {name!r} is missing, it must hold {form.words}")
