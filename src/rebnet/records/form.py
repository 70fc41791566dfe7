"""The kinds of values that a record holds: each reads a value of JSON, or says in words what is legal.

A kind stands in the annotation of a field, such as `Annotated[int, whole(1, 8)]`; `rebnet.records.record` makes the
kind of a field, and of a whole record, from the annotations. `read` raises `ValueError` with the key, what it holds and
what it must hold; `rebnet.records.read` adds the file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType

MOST = 2**53
"""The largest whole number of a record: every smaller one is exact in every reader of JSON."""
_SHOWN = 60


@dataclass(frozen=True)
class Form:
    """A kind of value.

    Attributes:
        words: what is legal, such as "a whole number from 1 to 8".
        types: the Python types of what JSON has there, be it legal or not; a boolean is no number.
        legal: whether a value of these types is legal itself, whatever is inside of it.
        inside: the value as the field of a record has it, from its place and what JSON has there.
    """

    words: str
    types: tuple[type, ...]
    legal: Callable[[object], bool] = lambda value: True
    inside: Callable[[str, object], object] = lambda place, value: value

    def takes(self, value: object) -> bool:
        """Whether `value` is of the JSON type of this kind, be it legal or not."""
        return isinstance(value, self.types) and (type(value) in self.types or not isinstance(value, bool))

    def read(self, place: str, value: object) -> object:
        """The value as the field of a record has it; raise `ValueError` unless what stands at `place` is legal."""
        if not self.takes(value) or not self.legal(value):
            raise ValueError(f"key {place!r} holds {shown(value)}, it must hold {self.words}")
        return self.inside(place, value)


def shown(value: object) -> str:
    """`value` as a message quotes it, cut where it is long."""
    text = repr(value) if not isinstance(value, str) or len(value) <= _SHOWN else repr(value[:_SHOWN] + "…")
    return text if len(text) <= _SHOWN + 4 else text[:_SHOWN] + "…"


FLAG = Form("true or false", (bool,))
NULL = Form("null", (NoneType,))
ANYTHING = Form("a value of JSON", (bool, object))


def whole(least: int = 0, most: int = MOST) -> Form:
    """A whole number; a boolean is none."""
    words = _range("a whole number", least, None if most == MOST else most)
    return Form(words, (int, float), lambda value: isinstance(value, int) and least <= value <= most)


def number(least: float = -1e300, most: float = 1e300, *, above: bool = False) -> Form:
    """A finite number, whole or not; `above` refuses `least` itself."""
    words = f"a number above {least:,}" if above else _range("a number", least, most)

    def legal(value: object) -> bool:
        return isinstance(value, int | float) and least <= value <= most and not (above and value == least)

    return Form(words, (int, float), legal)


def _range(kind: str, least: float, most: float | None) -> str:
    if most is not None and most != 1e300:
        return f"{kind} from {least:,} to {most:,}"
    return kind if least == -1e300 else f"{kind} of at least {least:,}"


def text(most: int = 1000, choices: Sequence[str] = ()) -> Form:
    """A text of at least one character; one of `choices` where there are any."""
    words = ", ".join(choices[:-1]) + " or " + choices[-1] if choices else f"a text of 1 to {most:,} characters"

    def legal(value: object) -> bool:
        return isinstance(value, str) and 0 < len(value) <= most and (not choices or value in choices)

    return Form(words, (str,), legal)


def one_of(*forms: Form) -> Form:
    """A value of one of several kinds, no two of the same JSON type."""

    def of(value: object) -> Form:
        return next(form for form in forms if form.takes(value))

    def legal(value: object) -> bool:
        return any(form.takes(value) for form in forms) and (isinstance(value, list | dict) or of(value).legal(value))

    words = ", or ".join(form.words for form in forms)
    types = tuple(kind for form in forms for kind in form.types)
    return Form(words, types, legal, lambda place, value: of(value).read(place, value))


@dataclass(frozen=True)
class Length:
    """How many entries a list has; beside its annotation, as in `Annotated[tuple[int, ...], Length(1, 8)]`."""

    least: int = 0
    most: int = 100_000


def many(form: Form, least: int = 0, most: int = 100_000) -> Form:
    """A list, every entry of one kind; read as a tuple."""

    def inside(place: str, value: object) -> tuple[object, ...]:
        assert isinstance(value, list)
        return tuple(form.read(f"{place}[{number}]", entry) for number, entry in enumerate(value))

    words = f"a list of {least:,} to {most:,} entries"
    return Form(words, (list,), lambda value: isinstance(value, list) and least <= len(value) <= most, inside)


def each(form: Form) -> Form:
    """An object whose keys are names: every value is of one kind."""

    def inside(place: str, value: object) -> Mapping[str, object]:
        assert isinstance(value, dict)
        return {name: form.read(f"{place}.{shown(name)[1:-1]}", entry) for name, entry in value.items()}

    return Form("an object", (dict,), inside=inside)


_DEEPEST = 3
"""Of an option's value, lists and objects in one another: a recipe's stages, each an object."""


def _options(value: object) -> bool:
    named = isinstance(value, dict) and all(re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) for name in value)
    return named and isinstance(value, dict) and all(_plain(entry, _DEEPEST) for entry in value.values())


def _plain(value: object, depth: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_plain(entry, depth - 1) for entry in inner)
    return value is None or isinstance(value, str | int | float)


OPTIONS = Form(
    "options by their names, each a text, a number, true, false, null or a list or an object of such", (dict,), _options
)
"""An object of what a verb was asked for: names of options, and texts, numbers, flags or lists of such."""
