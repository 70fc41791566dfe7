"""`rebnet list`: names with what there is to know of each, as a table and as JSON."""

import json

from rebnet import boards, datasets, zoo
from rebnet.train.recipe import RECIPES


def names(rebnet, kind: str) -> list[str]:
    code, out, err = rebnet("list", kind, "--json")
    assert (code, err) == (0, "")
    return [row["name"] for row in json.loads(out)]


def test_every_kind_is_whole(rebnet):
    assert names(rebnet, "zoo") == [f"zoo:{name}" for name in zoo.NAMES]
    assert names(rebnet, "boards") == [board.name for board in boards.boards()]
    assert names(rebnet, "parts") == [part.name for part in boards.parts()]
    assert names(rebnet, "recipes") == sorted(RECIPES)
    assert names(rebnet, "datasets") == list(datasets.NAMES)


def test_the_zoo_shows_its_accuracy(rebnet):
    record = json.loads((zoo.folder("mnist-arch-1-m2") / "evaluation.json").read_text())
    row = next(row for row in json.loads(rebnet("list", "zoo", "--json")[1]) if row["name"] == "zoo:mnist-arch-1-m2")
    assert (row["accuracy"], row["float_accuracy"]) == (record["accuracy"], record["float_accuracy"])
    code, out, _ = rebnet("list", "zoo")
    assert code == 0
    line = next(line for line in out.splitlines() if "zoo:mnist-arch-1-m2 " in line)
    assert str(record["accuracy"]) in line


def test_tables_keep_their_figures_on_a_narrow_terminal(rebnet, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    out = rebnet("list", "parts")[1]
    for part in boards.parts():
        assert str(part.part.device.lut) in out


def test_plain_names(rebnet):
    assert rebnet("list", "datasets") == (0, "".join(f"{name}\n" for name in datasets.NAMES), "")


def test_another_kind(rebnet):
    code, out, err = rebnet("list", "tables")
    assert (code, out) == (2, "")
    assert err.startswith("rebnet: invalid value for 'kind': 'tables' is not one of 'zoo', 'boards', 'parts', ")
