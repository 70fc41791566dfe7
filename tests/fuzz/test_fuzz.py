"""Damaged files of every kind, 300 of them: an answer or one sentence, never another exception, and always an end."""

import pytest
from tests.fuzz.outcomes import faults, little_memory
from tests.fuzz.targets import mutations, prepare


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Everything whole, made once."""
    return prepare(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_answered(place, tmp_path, seed):
    with little_memory():
        found = {
            mutation.name: ends
            for mutation in mutations(place, tmp_path / "work", 50, seed, most=2)
            if (ends := list(faults(mutation)))
        }
    assert found == {}
