"""STUDY.toml: what is asked for, as a frozen list of points.

    stages = ["train", "compile", "evaluate"]    # all five verbs if not given

    [axes]
    network = "8x8x1 - D16(8,16) - D10(2,8)"     # a single value holds for all points
    dataset = "digits"
    levels = [1, 2]                              # a list is an axis: points are the product of all
    seed = [0, 1, 2]

    [[point]]                                    # by hand, beside the product; or alone, where nothing is a list
    levels = 3
    seed = 0

Keys are the options of the verbs, by their names in Python.
"""

import hashlib
import itertools
import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from rebnet.errors import FileFormatError, OptionError
from rebnet.files import open_regular
from rebnet.records.sweep import StepVerb

Value = str | int | float | bool
Coordinates = Mapping[str, Value]
Known = Mapping[str, Any]
"""Options that a point may name, and the type of each."""

VERBS: tuple[StepVerb, ...] = get_args(StepVerb)
MOST_POINTS = 100_000
_KEYS = ("name", "stages", "axes", "point")
_MOST_BYTES = 1 << 20
_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
T = TypeVar("T")


@dataclass(frozen=True)
class Study:
    """What is asked for.

    Attributes:
        name: of the study, the file's if it says none.
        sha256: of the file.
        stages: the verbs of every point, in their order.
        points: coordinates of each, options of verbs by their names; no two are equal.
        varied: the coordinates in which points differ, in the order of the file.
    """

    name: str
    sha256: str
    stages: tuple[StepVerb, ...]
    points: tuple[Coordinates, ...]
    varied: tuple[str, ...]

    def shown(self, point: Coordinates) -> str:
        """The coordinates that tell a point from the others, in words."""
        return shown({name: point[name] for name in self.varied if name in point}) or "the only point"


def shown(coordinates: Coordinates) -> str:
    """Coordinates in words: levels 2, seed 0."""
    return ", ".join(f"{name} {_word(value)}" for name, value in coordinates.items())


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def read_study(path: Path, known: Known) -> Study:
    """The study in a file.

    Args:
        path: STUDY.toml.
        known: the options that points may name.

    Raises:
        FileFormatError: no such file, or no TOML.
        OptionError: a key that nobody knows, an axis without values, or one whose values are of another type.
    """
    with open_regular(path) as file:
        data = file.read(_MOST_BYTES + 1)
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        told = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise FileFormatError(f"{path}: is no TOML that a study can be ({error}); correct it there") from None
    for key in told:
        if key not in _KEYS:
            where = f"; an option of a verb stands below [axes]: {key} = …" if key in known else _nearest(key, _KEYS)
            raise OptionError(f"{path}: key {key!r} is not known{where}")
    points = _points(path, told, known)
    every = tuple(dict.fromkeys(name for point in points for name in point))
    unlike = tuple(name for name in every if len({_typed(point.get(name)) for point in points}) > 1)
    single = {tuple(sorted((name, _typed(value)) for name, value in point.items())): point for point in points}
    return Study(
        name=_name(path, told.get("name", path.stem)),
        sha256=hashlib.sha256(data).hexdigest(),
        stages=_stages(path, told.get("stages", list(VERBS))),
        points=tuple(cast("Sequence[Coordinates]", list(single.values()))),
        varied=unlike,
    )


def _points(path: Path, told: Mapping[str, Any], known: Known) -> list[dict[str, Any]]:
    """The product of the axes, then the points by hand."""
    axes = _table(path, "[axes]", told.get("axes", {}), known)
    lists = {name: value for name, value in axes.items() if isinstance(value, list)}
    always = {name: value for name, value in axes.items() if not isinstance(value, list)}
    by_hand = _by_hand(path, told.get("point", []), known)
    if not axes and not by_hand:
        raise OptionError(f"{path}: asks for no point; name options below [axes], or points one by one as [[point]]")
    for name, values in lists.items():
        if not values:
            raise OptionError(f"{path}: axis {name} has no values; give it one at least, or leave it out")
    count = math.prod(map(len, lists.values()))
    if count + len(by_hand) > MOST_POINTS:
        raise OptionError(
            f"{path}: its axes have {count:,} points, a study has at most {MOST_POINTS:,}; use fewer values"
        )
    product = itertools.product(*lists.values()) if lists or not by_hand else ()
    rows = (dict(zip(lists, values, strict=True)) for values in product)
    points = [{name: row[name] if name in row else always[name] for name in axes} for row in rows]
    for place, point in enumerate(by_hand, start=1):
        for name in lists:
            if name not in point:
                raise OptionError(
                    f"{path}: [[point]] {place} names no {name}, which is an axis; name one of its own there"
                )
        points.append(_settled({**always, **point}, point))
    return points


def _settled(point: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A point where what it names itself takes the place of what names the same thing in another way."""
    left = dict(point)
    for one, other in (("part", "board"), ("board", "part"), ("source", "network"), ("network", "source")):
        if one in own and other not in own:
            left.pop(other, None)
    return left


def _typed(value: object) -> tuple[str, object]:
    """A value that is unlike one of another type: 1, 1.0 and true are three."""
    return type(value).__name__, value


def _name(path: Path, name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise OptionError(f"{path}: name={name!r}; use a text of 1 to 200 characters")
    return name


def _stages(path: Path, stages: object) -> tuple[StepVerb, ...]:
    if not isinstance(stages, list) or not stages:
        raise OptionError(f"{path}: stages={stages!r}; use a list of {', '.join(VERBS)}")
    for stage in stages:
        if stage not in VERBS:
            raise OptionError(f"{path}: stage {stage!r} is not known{_nearest(str(stage), VERBS)}")
    read = {"compile"} if {"simulate", "synthesize"} & set(stages) else set()
    return tuple(verb for verb in VERBS if verb in {*stages, *read})


def _by_hand(path: Path, points: object, known: Known) -> list[dict[str, Any]]:
    if not isinstance(points, list):
        raise OptionError(f"{path}: key 'point' holds a table; write [[point]], once for each")
    found = []
    for place, point in enumerate(points, start=1):
        table = _table(path, f"[[point]] {place}", point, known)
        for name, value in table.items():
            if isinstance(value, list):
                raise OptionError(f"{path}: [[point]] {place}: {name} holds a list; a point has one value of each")
        found.append(table)
    return found


def _table(path: Path, where: str, table: object, known: Known) -> dict[str, Any]:
    """A table of options, each of its type or a list of such."""
    if not isinstance(table, dict):
        raise OptionError(f"{path}: {where} holds {type(table).__name__}; it must be a table of options")
    for name, value in table.items():
        if name not in known:
            raise OptionError(f"{path}: {where}: option {name!r} is not known{_nearest(name, known)}")
        for one in value if isinstance(value, list) else [value]:
            if not _is(one, known[name]):
                raise OptionError(f"{path}: {where}: {name} holds {one!r}, it must hold {_described(known[name])}")
    return table


def _nearest(name: str, known: Collection[str]) -> str:
    """What may have been meant, or all that there is."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; use one of {', '.join(sorted(known))}"


def _members(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (Union, UnionType):
        return tuple(inner for one in get_args(kind) for inner in _members(one))
    return () if kind is NoneType else (kind,)


def _is(value: object, kind: Any) -> bool:
    """Whether a value of TOML can be that of an option."""
    for member in _members(kind):
        if get_origin(member) is Literal:
            fits = value in get_args(member)
        elif member is float:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        elif member is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        elif member is bool:
            fits = isinstance(value, bool)
        else:  # a text, or a path
            fits = isinstance(value, str) and bool(value)
        if fits:
            return True
    return False


def _described(kind: Any) -> str:
    words = []
    for member in _members(kind):
        choices = get_args(member) if get_origin(member) is Literal else ()
        words.append(" or ".join(map(repr, choices)) if choices else _WORDS.get(member, "a text"))
    return " or ".join(dict.fromkeys(words))
