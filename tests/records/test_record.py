"""Records as their users have them: fields and keys, dictionaries and texts, what is left out, and the way out."""

import json
import re
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

from rebnet import zoo
from rebnet.errors import FileFormatError, SchemaError
from rebnet.files import read_json, write_record
from rebnet.records import ABSENT, FORMS, GivenFolding, Record, Simulation, StoredNetwork, Training, read, read_any

SIMULATION = {
    "dataset": "digits", "images": 4, "levels": [2], "stalls": None, "mismatches": 0, "accuracy": 75.0,
    "cycles_per_image": 16.5, "bound_cycles": 16, "newer": {"nested": [None, "ü"]},
}  # fmt: skip


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    write_record(tmp_path / "simulation.json", SIMULATION)
    return read(tmp_path / "simulation.json", Simulation)


def test_fields_and_keys(simulation: Simulation) -> None:
    assert (simulation.levels, simulation["levels"]) == ((2,), [2])
    assert (simulation.stalls, simulation["stalls"]) == (None, None)
    assert simulation["newer"] == {"nested": [None, "ü"]}
    with pytest.raises(FrozenInstanceError):
        simulation.images = 5  # type: ignore[misc]
    with pytest.raises(KeyError, match="request"):
        simulation["request"]


def test_a_dictionary_and_a_text(simulation: Simulation) -> None:
    assert simulation == dict(simulation) == SIMULATION
    assert list(simulation) == list(SIMULATION)
    assert json.loads(json.dumps({"all": [simulation]}, default=dict)) == {"all": [SIMULATION]}


def test_left_out_and_null_are_told_apart(simulation: Simulation) -> None:
    assert simulation.latency_cycles is ABSENT
    assert "latency_cycles" not in simulation
    assert replace(simulation, latency_cycles=None)["latency_cycles"] is None
    assert "request" not in replace(simulation, request=None)


@pytest.mark.parametrize("name", zoo.NAMES)
def test_records_of_the_zoo_are_what_their_files_hold(name: str) -> None:
    for path in zoo.folder(name).glob("*.json"):
        assert {"schema": 1, **read_any(path)} == read_json(path)


def test_a_training_tells_of_itself_what_a_later_one_says_of_it() -> None:
    training = read(zoo.folder("mnist-arch-1-m2") / Training.FILE, Training)
    told = training.told
    assert told["recipe"] == training["recipe"]
    assert told.items() <= training.items()
    assert {"test_accuracy", "curve"}.isdisjoint(told)


@pytest.mark.parametrize("form", FORMS.values())
def test_a_future_schema(tmp_path: Path, form: type) -> None:
    (tmp_path / form.FILE).write_text('{"schema": 2}')
    with pytest.raises(SchemaError, match="schema version 2, this rebnet reads version 1"):
        read_any(tmp_path / form.FILE)


@pytest.mark.parametrize(
    ("form", "way_out"),
    [
        (GivenFolding, "correct it, or compile with another --folding"),
        (StoredNetwork, "run the stage that writes it again"),
    ],
)
def test_the_way_out_of_a_damaged_one(tmp_path: Path, form: type, way_out: str) -> None:
    write_record(tmp_path / form.FILE, {})
    with pytest.raises(FileFormatError, match=f"is missing, .*; {re.escape(way_out)}$"):
        read(tmp_path / form.FILE, form)


def forms(of: type[Record] = Record) -> set[type[Record]]:
    return {
        form for child in of.__subclasses__() for form in {child, *forms(child)} if form.__module__.startswith("rebnet")
    }


@pytest.mark.parametrize("form", sorted(forms(), key=lambda form: form.__name__))
def test_no_key_hides_what_a_record_does(form: type[Record]) -> None:
    """A key of such a name stands in a field with a `_` behind it, as `values` of online.json."""
    assert {field.name for field in fields(form)}.isdisjoint(dir(Record))  # type: ignore[arg-type]
