"""From points to steps: a verb with its options and what it reads, named after the hash of all that it depends on.

Points that need the same step share it: one training serves several foldings and boards, and one evaluation all
foldings, since the integer network is the same. A step keeps its name for as long as what it is asked for is the same,
so a changed study finds what is done.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rebnet.errors import OptionError, RebnetError
from rebnet.files import file_hash
from rebnet.paths import path_of
from rebnet.records.sweep import StepVerb
from rebnet.sweep.study import Coordinates, Study, Value

SEARCH = "search"
"""A folding that is searched for the board or part."""
DEFAULT_IMAGES = 100
"""Test images that go through the RTL, where a study does not say."""
_FILES = ("start", "teacher", "source", "folding")
_LOWERING = ("fixed_levels", "threshold_bits", "input_scale")
"""Options of `compile` that change the integer network."""
_FIT = ("target_fps", "max_utilisation", "clock_mhz")
_DIGITS = 12
_NPZ = "npz:"


@dataclass(frozen=True)
class Step:
    """A verb with its options and the steps that it reads.

    Attributes:
        name: the verb and the hash of all that it depends on.
        verb: which.
        options: of its function in `rebnet.flow`; files by their whole paths.
        reads: the name of each step that it reads, by its verb.
    """

    name: str
    verb: StepVerb
    options: Mapping[str, Value]
    reads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """A point of the study and the name of its step of each verb."""

    name: str
    coordinates: Coordinates
    steps: Mapping[StepVerb, str]


@dataclass(frozen=True)
class Plan:
    """All points, and the steps that they share, each after those that it reads."""

    study: Study
    points: tuple[Point, ...]
    steps: Mapping[str, Step]

    def users(self, step: str) -> int:
        """How many points need a step."""
        return sum(step in point.steps.values() for point in self.points)


Takes = Mapping[StepVerb, Sequence[str]]
"""The options that each verb takes of a point."""
Check = Callable[[StepVerb, Mapping[str, Any], Coordinates], None]
"""Raises `RebnetError` where a verb would refuse these options of a point at these coordinates."""


def plan(study: Study, takes: Takes, check: Check, dataset_of: Callable[[str], str]) -> Plan:
    """The points and steps of a study.

    Args:
        study: what is asked for.
        takes: the options of each verb.
        check: told every step once.
        dataset_of: the data set that a source was trained with.

    Raises:
        OptionError: a point is illegal; names its coordinates.
    """
    steps: dict[str, Step] = {}
    points: dict[str, Point] = {}
    faults: list[str] = []
    files = _Contents()
    for coordinates in study.points:
        try:
            made = list(_steps(coordinates, study.stages, takes, files, dataset_of))
            for step in made:
                if step.name not in steps:
                    check(step.verb, step.options, coordinates)
        except RebnetError as error:
            faults.append(f"{study.shown(coordinates)}: {error}")
            continue
        steps |= {step.name: step for step in made}
        own = {step.verb: step.name for step in made}
        name = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:_DIGITS]
        points.setdefault(name, Point(name, coordinates, own))
    if faults:
        more = f" ({len(faults) - 1} more points are not legal)" if len(faults) > 1 else ""
        raise OptionError(f"study {study.name!r}, point with {faults[0]}{more}")
    return Plan(study, tuple(points.values()), {step.name: step for step in _ordered(steps)})


def _ordered(steps: Mapping[str, Step]) -> Iterator[Step]:
    """Trainings first, in the order of the points; a stable sort keeps it."""
    rank = {"train": 0, "compile": 1, "evaluate": 2, "simulate": 3, "synthesize": 4}
    yield from sorted(steps.values(), key=lambda step: rank[step.verb])


def _steps(
    at: Coordinates,
    stages: Sequence[StepVerb],
    takes: Takes,
    files: "_Contents",
    dataset_of: Callable[[str], str],
) -> Iterator[Step]:
    """The steps of one point, each after those that it reads."""
    origin: dict[str, str] = {}
    from_source: dict[str, Value] = {}
    if "source" in at:
        _check_trained(at, takes)
        from_source = {"source": at["source"]}
    else:
        yield (training := _step("train", _training_options(at, stages, takes), {}, files))
        origin = {"train": training.name}
    later = [stage for stage in stages if stage != "train"]
    dataset = at.get("dataset")
    if dataset is None and {"evaluate", "simulate"} & set(later):
        dataset = dataset_of(str(at["source"]))
    build: dict[str, str] = {}
    if {"compile", "simulate", "synthesize"} & set(later):
        yield (compiled := _step("compile", from_source | _compile_options(at, takes), origin, files))
        build = {"compile": compiled.name}
    if "evaluate" in later:
        lowering = _taken(at, _LOWERING)
        own = _taken(at, takes["evaluate"]) | {"dataset": str(dataset)}
        yield _step("evaluate", from_source | lowering | own, origin, files)
    if "simulate" in later:
        own = {"images": DEFAULT_IMAGES, **_taken(at, takes["simulate"]), "dataset": str(dataset)}
        yield _step("simulate", own, build, files)
    if "synthesize" in later:
        if "board" not in at and "part" not in at:
            raise OptionError(
                "names neither a board nor a part, which synthesize needs; name one, or leave it out of stages"
            )
        yield _step("synthesize", _taken(at, takes["synthesize"]), build, files)


def _training_options(at: Coordinates, stages: Sequence[StepVerb], takes: Takes) -> dict[str, Value]:
    if "train" not in stages:
        raise OptionError("nothing is trained here and no source is named; add 'train' to stages, or name a source")
    for name in ("network", "dataset"):
        if name not in at:
            raise OptionError(f"names no {name}, which a training needs; name one below [axes]")
    return {"levels": 1, **_taken(at, takes["train"])}


def _check_trained(at: Coordinates, takes: Takes) -> None:
    """Refuse options of a training where a source is trained already."""
    foreign = next((name for name in takes["train"] if name in at and name != "dataset"), None)
    if foreign is not None:
        raise OptionError(
            f"{foreign} belongs to a training, and source {at['source']} is trained; leave one of them out"
        )


def _taken(at: Coordinates, names: Sequence[str]) -> dict[str, Value]:
    return {name: at[name] for name in names if name in at}


def _compile_options(at: Coordinates, takes: Takes) -> dict[str, Value]:
    """As `rebnet build`: a folding that is not given is searched for the device; a given one need not know it."""
    options = _taken(at, [name for name in takes["compile"] if name != "source"])
    folding, device = options.get("folding"), "board" in at or "part" in at
    if folding == SEARCH:
        del options["folding"]
        if not device:
            raise OptionError("folding search needs a device; name a board or a part")
    elif (folding is not None or "target_cycles" in at) and not any(name in at for name in _FIT):
        options.pop("board", None)
        options.pop("part", None)
        if folding is None and device:
            options["folding"] = "balanced"
    return options


def _step(verb: StepVerb, options: Mapping[str, Value], reads: Mapping[str, str], files: "_Contents") -> Step:
    known = dict(sorted(options.items()))
    whole = {name: files.absolute(name, value) for name, value in known.items()}
    key = {name: files.content(name, value) for name, value in whole.items()}
    text = json.dumps([verb, key, dict(sorted(reads.items()))], sort_keys=True)
    return Step(f"{verb}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}", verb, whole, reads)


class _Contents:
    """Files that options name: by their whole paths, and in hashes by what they hold."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def absolute(self, name: str, value: Value) -> Value:
        """The value with a whole path in the place of one that starts here."""
        if name == "dataset" and isinstance(value, str) and value.startswith(_NPZ):
            return _NPZ + str(path_of(value.removeprefix(_NPZ)).absolute())
        return str(path.absolute()) if (path := self._path(name, value)) is not None else value

    def content(self, name: str, value: Value) -> Value:
        """What stands for the value in a hash."""
        if name == "dataset" and isinstance(value, str) and value.startswith(_NPZ):
            return _NPZ + self._hash(Path(value.removeprefix(_NPZ)))
        return self._hash(path) if (path := self._path(name, value)) is not None else value

    def _path(self, name: str, value: Value) -> Path | None:
        """What an option names, where that is a file or folder that is there."""
        if name not in _FILES or not isinstance(value, str) or value.startswith("zoo:"):
            return None
        path = path_of(value)
        return path if path.exists() else None

    def _hash(self, path: Path) -> str:
        if path not in self._known:
            files = [path / "training.json", path / "network.json", path / "tensors.safetensors"]
            held = [file for file in files if file.is_file()] if path.is_dir() else [path]
            self._known[path] = ",".join(file_hash(file) for file in held) or str(path)
        return self._known[path]
