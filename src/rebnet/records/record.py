"""What every record is: a frozen dataclass whose annotations are its form, read from JSON and written by one rule.

    @form
    class Rung(Record):
        levels: Levels                      must be there
        note: str | None                    must be there and may be null
        accuracy: Percent | None = None     may be left out, and is where it is None
        limit: Limit | Absent | None = ABSENT   may be left out or null, and is written as it is
        any_levels: bool = False            an older record may lack it, a new one has it

A field's name is its key, without a `_` behind it, and the order of the fields that of the keys in the file. Keys that
no field has are let through, so that a newer record can say more. A record is also a mapping of its keys to what JSON
has there: `record["accuracy"]` for who does not know its class, `dict(record)` for dictionaries and lists all the way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from rebnet.records.form import ANYTHING, FLAG, NULL, Form, Length, each, many, number, one_of, shown, text, whole


class Absent(Enum):
    """That a key is not there, where null says something else."""

    ABSENT = "absent"

    def __bool__(self) -> Literal[False]:
        return False


ABSENT = Absent.ABSENT


T = TypeVar("T")
R = TypeVar("R", bound="Record")


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False)
def form(kind: type[T]) -> type[T]:
    """Make a class with annotations the form of a record."""
    return dataclass(frozen=True, kw_only=True, eq=False)(kind)


class Record(Mapping[str, Any]):
    """An object of JSON: the whole of a file, or a part of one."""

    FILE: ClassVar[str] = ""
    """The file that holds such a record, in the folder of a run or a build."""
    AGAIN: ClassVar[str] = "run the stage that writes it again"
    """The way out of a damaged one."""

    @classmethod
    def from_json(cls, place: str, value: object) -> Self:
        """The record that an object of JSON is; `place` is empty for a whole file.

        Raises:
            ValueError: a key is missing or holds what it must not; names the key, the value and what is legal.
        """
        if not isinstance(value, dict):
            raise ValueError(f"key {place!r} holds {shown(value)}, it must hold an object")
        given = {}
        for key, field in _fields(cls).items():
            name = f"{place}.{key}" if place else key
            if key in value:
                given[field.name] = field.form.read(name, value[key])
            elif field.default is MISSING:
                raise ValueError(f"key {name!r} is missing, it must hold {field.form.words}")
        made = cls(**given)
        vars(made)["_read_from"] = value
        return made

    @property
    def made_from(self) -> Mapping[str, str]:
        """SHA-256 of each file that it was made from, by what that is; empty where it does not say."""
        return getattr(self, "inputs", None) or {}

    def check(self) -> None:
        """Raise `ValueError` where the record contradicts itself."""

    def _part(self, form: type[R]) -> R:
        """The record of another form whose fields this one has too."""
        names = (field.name for field in _fields(form).values())
        return form(**{name: value for name in names if (value := getattr(self, name)) is not ABSENT})

    def __getitem__(self, key: str) -> Any:
        own = _fields(type(self)).get(key)
        if own is None:
            return self._read[key]
        value = getattr(self, own.name)
        if own.leaves_out(value):
            raise KeyError(key)
        return _json(value)

    def __iter__(self) -> Iterator[str]:
        own = _fields(type(self))
        for key in dict.fromkeys((*self._read, *own)):
            if key not in own or not own[key].leaves_out(getattr(self, own[key].name)):
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def _read(self) -> dict[str, Any]:
        """The object that it was read from: its order, and keys that no field has."""
        return vars(self).get("_read_from", {})  # type: ignore[no-any-return]


def _json(value: object) -> object:
    if isinstance(value, Record):
        return dict(value)
    if isinstance(value, Mapping):
        return {key: _json(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_json(entry) for entry in value]
    return value


class _Field(NamedTuple):
    name: str
    form: Form
    default: object

    def leaves_out(self, value: object) -> bool:
        """Whether the key is not there where the field has this value."""
        return value is ABSENT or (value is None and self.default is None)


@cache
def _fields(record: type[Record]) -> Mapping[str, _Field]:
    """The fields of a record by their keys; a default is MISSING where there is none."""
    kinds = get_type_hints(record, include_extras=True)
    found = {}
    for field in fields(record):  # type: ignore[arg-type]
        left_out = (NoneType,) if field.default is None else (Absent,)
        form = form_of(kinds[field.name], left_out)
        found[field.name.removesuffix("_")] = _Field(field.name, form, field.default)
    return found


def form_of(kind: Any, left_out: tuple[type, ...] = ()) -> Form:
    """The kind of value that an annotation describes; members `left_out` of a union are none of JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        of, says = arguments
        return _many(of, says) if isinstance(says, Length) else says
    if origin in (Union, UnionType):
        forms = tuple(form_of(member) for member in arguments if member not in left_out)
        return forms[0] if len(forms) == 1 else one_of(*forms)
    if origin is Literal:
        return text(choices=arguments)
    if origin is tuple:
        return _many(kind, Length())
    if origin is not None:
        return each(form_of(arguments[1]))
    return object_of(kind) if issubclass(kind, Record) else _PLAIN[kind]


def _many(kind: Any, length: Length) -> Form:
    return many(form_of(get_args(kind)[0]), length.least, length.most)


_PLAIN: Mapping[type, Form] = {
    bool: FLAG, int: whole(), float: number(), str: text(), NoneType: NULL, object: ANYTHING,
}  # fmt: skip


def object_of(record: type[Record]) -> Form:
    """An object with the keys that a record's fields say."""
    return Form("an object", (dict,), inside=record.from_json)
