"""The committed records of the ablations are those of the benchmark's variants, and the docs show their table."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import recipes
from rebnet.train.recipe import recipe_of

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "benchmarks" / "ablations.json"


@pytest.fixture(scope="module")
def records():
    return json.loads(RECORDS.read_text(encoding="utf-8"))


def test_every_record_is_of_its_variant_and_differs_from_the_base_in_nothing_else(records):
    base = records["base"]
    for name, record in records.items():
        variant = recipes.VARIANTS[name]
        epochs = base["epochs"] // 2 if variant.fewer_levels_first else base["epochs"]
        assert recipe_of(RECORDS, record["recipe"]) == variant.recipe(epochs)
        assert all(record[key] == base[key] for key in ("network", "dataset", "levels", "seed", "gain_bits"))
        assert len(record["curve"]) == epochs
        assert (record["start_from"] is not None) == variant.fewer_levels_first
        assert (record["teacher"] or {}).get("levels") == variant.teacher_levels


def test_the_docs_show_the_table_of_the_records(records):
    page = (ROOT / "docs" / "concepts" / "recipes.md").read_text(encoding="utf-8")
    assert recipes.table(records) in page


def test_a_change_of_none_is_a_third_of_the_epochs():
    assert recipes.VARIANTS["real weights for a third"].recipe(30).real_weight_epochs == 10
    assert asdict(recipes.VARIANTS["base"].recipe(30)) == asdict(recipes.BASE) | {"epochs": 30}
