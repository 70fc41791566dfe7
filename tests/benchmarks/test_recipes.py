"""The committed records of the ablations are those of the benchmark's variants, and the docs show their table."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import recipes
from rebnet.train.recipe import recipe_of

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "benchmarks" / "ablations"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("levels", "budget"), [(1, 10), (2, 10), (2, 30)])
def test_every_record_is_of_its_variant_and_differs_from_the_base_in_nothing_else(levels, budget):
    path = RECORDS / f"m{levels}-e{budget}.json"
    records = read(path)
    base = records["base"]
    assert base["levels"] == levels
    for name, record in records.items():
        variant = recipes.VARIANTS[name]
        epochs = budget // 2 if variant.fewer_levels_first else budget
        assert recipe_of(path, record["recipe"]) == variant.recipe(epochs)
        assert all(record[key] == base[key] for key in ("network", "dataset", "levels", "seed", "gain_bits"))
        assert len(record["curve"]) == epochs
        assert (record["start_from"] is not None) == variant.fewer_levels_first
        assert (record["teacher"] or {}).get("levels") == variant.teacher_levels


def test_the_docs_show_the_tables_of_the_records():
    page = (ROOT / "docs" / "concepts" / "recipes.md").read_text(encoding="utf-8")
    paths = sorted(RECORDS.iterdir())
    assert [path.name for path in paths] == ["m1-e10.json", "m2-e10.json", "m2-e30.json"]
    assert all(recipes.table(read(path)) in page for path in paths)


def test_a_change_of_none_is_a_third_of_the_epochs():
    assert recipes.VARIANTS["real weights for a third"].recipe(30).real_weight_epochs == 10
    assert asdict(recipes.VARIANTS["base"].recipe(30)) == asdict(recipes.BASE) | {"epochs": 30}
