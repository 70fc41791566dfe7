"""A training is repeated from its record, with all that came before it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebnet import zoo
from rebnet.datasets import Dataset
from rebnet.errors import FileFormatError, OutputError
from rebnet.records import Training, read
from rebnet.train import retrain, train
from rebnet.train.again import plan

NETWORK = "6x6x1 - D16 - D3"
FILES = ("training.json", "model.safetensors")


def bytes_of(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in FILES]


def loader(dataset: Dataset) -> Callable[[str], Dataset]:
    def load(name: str) -> Dataset:
        assert name == dataset.name
        return dataset

    return load


@pytest.fixture(scope="module")
def runs(blob_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One level; a float network; two levels from both; all levels from these, with the same teacher."""
    place = tmp_path_factory.mktemp("runs")
    options: dict[str, Any] = {"quiet": True, "gain_bits": 7, "input_bits": 4}
    train(NETWORK, blob_dataset, 1, place / "one", epochs=2, **options)
    train(NETWORK, blob_dataset, 0, place / "float", epochs=1, seed=3, **options)
    learning = options | {"teacher": place / "float"}
    train(NETWORK, blob_dataset, 2, place / "two", epochs=1, start=place / "one", **learning)
    train(NETWORK, blob_dataset, 2, place / "any", epochs=1, start=place / "two", any_levels=True, **learning)
    return place


def test_the_whole_chain_ends_in_the_same_bytes(runs: Path, blob_dataset: Dataset, tmp_path: Path) -> None:
    said: list[str] = []
    record = retrain(runs / "any", loader(blob_dataset), tmp_path / "run", quiet=True, say=said.append)
    assert said == [
        "1 of 4: M = 1, 2 epochs",
        "2 of 4: float, 1 epoch",
        "3 of 4: M = 2, 1 epoch",
        "4 of 4: M = 2, any level, 1 epoch",
    ]
    assert record == {key: value for key, value in json.loads(bytes_of(runs / "any")[0]).items() if key != "schema"}
    for name, folder in zip(("one", "float", "two"), "123", strict=True):
        assert bytes_of(tmp_path / "run" / "before" / folder) == bytes_of(runs / name)
    assert bytes_of(tmp_path / "run") == bytes_of(runs / "any")


def test_resuming_keeps_what_is_finished(runs: Path, blob_dataset: Dataset, tmp_path: Path) -> None:
    def stop(stage: str) -> None:
        if stage.startswith("3"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        retrain(runs / "any", loader(blob_dataset), tmp_path, quiet=True, say=stop)
    said: list[str] = []
    retrain(runs / "any", loader(blob_dataset), tmp_path, resume=True, quiet=True, say=said.append)
    assert [text[0] for text in said] == ["3", "4"]
    assert bytes_of(tmp_path) == bytes_of(runs / "any")


def test_resuming_replaces_no_other_training(runs: Path, blob_dataset: Dataset, tmp_path: Path) -> None:
    retrain(runs / "two", loader(blob_dataset), tmp_path, quiet=True)
    (tmp_path / "before" / "1" / "checkpoint.safetensors").unlink()
    path = tmp_path / "before" / "1" / "training.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"recipe": record["recipe"] | {"latent_clip": 2.0}}))
    with pytest.raises(OutputError, match="before/1: holds a finished training, which a new one would replace"):
        retrain(runs / "two", loader(blob_dataset), tmp_path, resume=True, quiet=True)


def test_another_seed_is_that_of_all(runs: Path, blob_dataset: Dataset, tmp_path: Path) -> None:
    record = retrain(runs / "two", loader(blob_dataset), tmp_path, seed=5, quiet=True)
    assert (record["seed"], record["start_from"]["seed"], record["teacher"]["seed"]) == (5, 5, 5)
    assert bytes_of(tmp_path)[1] != bytes_of(runs / "two")[1]


@pytest.mark.parametrize("name", zoo.NAMES)
def test_the_zoo_tells_all_of_its_trainings(name: str) -> None:
    path = zoo.folder(name) / "training.json"
    *before, last = plan(path, read(path, Training), Path("run"))
    assert last.folder == Path("run")
    earlier = {stage.folder for stage in before}
    assert all({stage.start, stage.teacher} <= {None, *earlier} for stage in (*before, last))
    assert all(stage.training.network == last.training.network for stage in before)


def without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    """The record without the value at a path of keys."""
    key, *rest = path
    if not rest:
        return {name: value for name, value in record.items() if name != key}
    return record | {key: without(record[key], *rest)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: without(record, "start_from", "recipe"), "does not tell how each training before this one was"),
        (
            lambda record: record | {"teacher": "one"},
            "key 'teacher' holds 'one', it must hold an object, or null; run the stage that writes it again",
        ),
        (lambda record: without(record, "levels"), "key 'levels' is missing, it must hold a whole number from 0 to 8"),
        (
            lambda record: without(record, "gain_bits"),
            "does not tell how each training before this one was done; it was",
        ),
        (
            lambda record: record | {"seed": "0"},
            "key 'seed' holds '0', it must hold a whole number from 0 to ",
        ),
        (
            lambda record: record | {"recipe": {"rate": 1}},
            "recipe.rate is not known here; use the rebnet that wrote it",
        ),
        (
            lambda record: record | {"recipe": {"epochs": 1.5}},
            "key 'recipe.epochs' holds 1.5, it must hold a whole number",
        ),
        (
            lambda record: record | {"recipe": {"batch_size": 0}},
            "'recipe.batch_size' holds 0",
        ),
        (lambda record: record | {"recipe": {"flip": 1}}, "recipe.flip holds 1, it must hold bool"),
        (
            lambda record: record | {"recipe": {"estimator": "sine"}},
            "recipe.estimator holds 'sine', it must hold clip, polynomial, ede",
        ),
    ],
)
def test_refuses_a_record_that_does_not_say_all(
    runs: Path,
    blob_dataset: Dataset,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    words: str,
) -> None:
    path = tmp_path / "told" / "training.json"
    path.parent.mkdir()
    path.write_text(json.dumps(change(json.loads(bytes_of(runs / "two")[0]))))
    with pytest.raises(FileFormatError, match=words.replace(".", r"\.")) as refused:
        retrain(path.parent, loader(blob_dataset), tmp_path / "run", quiet=True)
    assert str(refused.value).startswith(str(path))
    assert not (tmp_path / "run").exists()
